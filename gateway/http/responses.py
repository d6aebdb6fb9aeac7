"""Heads of answers, and refusals that no application makes."""

import http
import re
from typing import Final

from gateway.http.head import Fields
from gateway.problems import problem
from gateway.worker import worker_name
from kernel.errors import ShuyuanError
from kernel.ids import new_id
from kernel.logging import correlation_id

CLOSING: Final = b"connection: close\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
# Of no answer is guessed what it is (RFC 9110 section 8.3; the browser's habit).
NOSNIFF: Final = b"x-content-type-options: nosniff\r\n"
BODILESS: Final = (204, 304)
"""Answers that have no body, not even the end of one (RFC 9112 6.3)."""
STATUS_LINE: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in http.HTTPStatus
}
GO_ON: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_UNFIT_NAME = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_UNFIT = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Leads:
    """Status lines with the headers that the server sets once a second."""

    def __init__(self) -> None:
        self._of: Fields = []
        self._known: dict[int, bytes] = {}

    def lead(self, status: int, headers: Fields) -> bytes:
        if headers is not self._of:
            self._of = headers
            self._known = {}
        cached = self._known.get(status)
        if cached is None:
            lines = [b"%b: %b\r\n" % header for header in headers]
            line = STATUS_LINE.get(status) or b"HTTP/1.1 %d \r\n" % status
            cached = self._known[status] = line + b"".join(lines)
        return cached


def lines(fields: Fields) -> bytes:
    """Return headers as lines; raises ValueError for one that would end its line."""
    for name, value in fields:
        if not name or _UNFIT_NAME.search(name) or _UNFIT.search(value):
            raise ValueError(f"unfit for a header: {name!r}")
    return b"".join([b"%b: %b\r\n" % field for field in fields])


def refusal(
    error: ShuyuanError, *, path: str = "/", english: bool = False, status: int | None = None
) -> tuple[int, bytes, bytes]:
    """Return status, header lines and body of a refusal; its correlation id is a new one."""
    correlation = new_id()
    token = correlation_id.set(correlation)
    try:
        status, named, body = problem(error, instance=path, english=english, status=status)
    finally:
        correlation_id.reset(token)
    marks = {"exchange-worker": worker_name(), "exchange-correlation-id": correlation}
    fields = [(n.lower().encode(), v.encode("latin-1")) for n, v in {**named, **marks}.items()]
    return status, lines(fields) + NOSNIFF, body


def chunk(data: bytes) -> bytes:
    """Return a piece of a body whose length nobody knows yet."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
