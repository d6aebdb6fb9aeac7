"""The head of a request, read whole and strictly: nothing of it is guessed (RFC 9112)."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

import httptools

from gateway.http.errors import (
    HeadTooLarge,
    MalformedRequest,
    NotImplementedHere,
    VersionNotSupported,
)

HEAD_MAX = 64 * 1024
FIELDS_MAX = 100
END: Final = b"\r\n\r\n"

Fields = list[tuple[bytes, bytes]]

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = re.compile(_TOKEN + rb" [^\s]+ HTTP/(\d\.\d)\r\n")
_OLD_LINE = re.compile(_TOKEN + rb" [^\s]+\r\n")
_OTHER_VERSION = re.compile(_TOKEN + rb" [^\s]+ HTTP/\d+(\.\d+)?\r\n")
# What may become a request line; matched against a beginning that has no end yet.
_BEGINNING = re.compile(_TOKEN + rb"( [^\r\n]*(\r(\n|\Z)|\Z)|\Z)")
_UPGRADE = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+;=:%\[\]-]*")
# Of these a second one is no list but a contradiction: two readers could each believe another.
SINGLE: Final = frozenset({
    b"authorization", b"content-length", b"content-type", b"exchange-correlation-id",
    b"exchange-resource-version", b"host", b"idempotency-key", b"if-match",
})  # fmt: skip


class Head:
    """A request without its body; `length` None says that the body comes in chunks.

    `headers` has each name once, in lower case; `fields` are all lines as they came.
    """

    __slots__ = (
        "expects", "fields", "headers", "keep_alive", "length", "method", "path", "query",
        "raw_path", "version",
    )  # fmt: skip

    def __init__(self, method: str, version: str, target: bytes, fields: Fields) -> None:
        self.method = method
        self.version = version
        self.fields = fields
        self.headers = headers = dict(fields)
        if len(headers) < len(fields):
            self.headers = headers = _joined(fields)
        self.raw_path, self.query = _split(target)
        path = self.raw_path.decode("ascii")
        self.path = unquote(path) if "%" in path else path
        self._check_host(headers)
        self.length: int | None = int(headers.get(b"content-length", b"0"))
        if b"transfer-encoding" in headers:
            self._check_coding(headers[b"transfer-encoding"])
            self.length = None
        self.expects = version == "1.1" and headers.get(b"expect", b"").lower() == b"100-continue"
        self.keep_alive = False

    def _check_host(self, headers: dict[bytes, bytes]) -> None:
        host = headers.get(b"host")
        if host is None:
            if self.version != "1.0":
                raise MalformedRequest("缺少 Host", "Host is missing")
        elif not _HOST.fullmatch(host):
            raise MalformedRequest("Host 不正确", "Host is not valid")

    def _check_coding(self, coding: bytes) -> None:
        if self.version == "1.0":
            raise MalformedRequest("HTTP/1.0 没有传输编码", "HTTP/1.0 has no transfer codings")
        if coding.lower() != b"chunked":
            raise NotImplementedHere("传输编码只支持 chunked", "The transfer coding is chunked")


class HeadReader:
    """Reads the heads of one connection, one after the other."""

    __slots__ = ("_fields", "_keep_alive", "_parser", "_target", "_whole")

    def __init__(self) -> None:
        self._parser: httptools.HttpRequestParser | None = None
        self._fields: Fields = []
        self._target = b""
        self._whole = False
        self._keep_alive = False

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        assert self._parser is not None  # noqa: S101 - it is calling
        self._whole = True
        # Asked later, it would speak of the next request.
        self._keep_alive = self._parser.should_keep_alive()

    def forget(self) -> None:
        """Let go of the parser, which holds this reader."""
        self._parser = None

    def read(self, raw: bytes) -> Head:
        """Return the head that the bytes are, their empty line included; raises what it is not."""
        _check_line(raw)
        if raw.count(b"\r\n") > FIELDS_MAX + 2:
            raise HeadTooLarge(
                f"请求头超过 {FIELDS_MAX} 个", f"There are over {FIELDS_MAX} headers"
            )
        parser = self._fed(raw)
        head = Head(
            parser.get_method().decode(), parser.get_http_version(), self._target, self._fields
        )
        head.keep_alive = head.version != "1.0" and self._keep_alive
        if head.length == 0:
            self._parser = parser
        # Any other waits for a body now, which goes past it.
        return head

    def _fed(self, raw: bytes) -> httptools.HttpRequestParser:
        parser = self._parser = self._parser or httptools.HttpRequestParser(self)
        self._fields, self._target, self._whole = [], b"", False
        try:
            parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            self._parser = None
            plain = _UPGRADE.sub(b"", raw)
            if plain == raw:
                # CONNECT asks for a tunnel.
                raise NotImplementedHere from None
            return self._fed(plain)
        except httptools.HttpParserInvalidMethodError:
            raise NotImplementedHere from None
        except httptools.HttpParserError as error:
            raise MalformedRequest(en=f"This is not a request of HTTP/1.1: {error}") from None
        finally:
            self._parser = None
        if not self._whole:
            raise MalformedRequest
        return parser


def check_beginning(begun: bytes | bytearray) -> None:
    """Raise MalformedRequest where the first bytes can become no head, however they go on."""
    if not _BEGINNING.match(begun):
        raise MalformedRequest


def _check_line(raw: bytes) -> None:
    line = _LINE.match(raw)
    if line is None:
        if _OLD_LINE.match(raw) or _OTHER_VERSION.match(raw):
            raise VersionNotSupported
        raise MalformedRequest
    if line[1] not in (b"1.1", b"1.0"):
        raise VersionNotSupported


def _joined(fields: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return each name with its values as one list; raises for what can have only one."""
    headers: dict[bytes, bytes] = {}
    for name, value in fields:
        if name not in headers:
            headers[name] = value
        elif name in SINGLE:
            named = name.decode()
            raise MalformedRequest(f"{named} 出现了两次", f"{named} is there twice")
        else:
            headers[name] += (b"; " if name == b"cookie" else b", ") + value
    return headers


def _split(target: bytes) -> tuple[bytes, bytes]:
    """Return path and query of a target, as it is or with a scheme and a host before it."""
    target = target.partition(b"#")[0]
    if target[:1] != b"/" and target != b"*":
        try:
            url = httptools.parse_url(target)
        except httptools.HttpParserInvalidURLError:
            raise MalformedRequest from None
        return url.path or b"/", url.query or b""
    path, _mark, query = target.partition(b"?")
    return path, query
