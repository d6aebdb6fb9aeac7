"""The outermost layer, raw ASGI: correlation id, worker's name, limits of size and media."""

import asyncio
import os
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.problems import in_english, problem
from kernel.errors import BadRequest, ShuyuanError, TooLarge, UnsupportedMedia
from kernel.ids import new_id
from kernel.logging import correlation_id

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_MAX = 1024 * 1024
BODY_SECONDS = 60.0
CORRELATION_MAX = 64
# Opaque: tells workers apart without telling machines apart.
WORKER = f"{secrets.token_hex(4)}-{os.getpid() & 0xFFFF:04x}"
_WORKER_MARK = (b"exchange-worker", WORKER.encode())
FORMS = (b"application/x-www-form-urlencoded",)
JSON = (b"application/json", b"application/merge-patch+json")
RECORDS = (b"application/json", b"application/x-ndjson")
MEDIA_OF = ((re.compile(r"/oauth/.*"), FORMS), (re.compile(r"/v1/resources/.*/validate"), RECORDS))
# An edition of the statistical division codes holds 18,000 values.
EDITIONS = re.compile(r"/v1/code-lists/.*/editions")
EDITION_MAX = 8 * 1024 * 1024


class Edge:
    """Wraps FastAPI; the hot paths bring their own limits and come here only for refusals."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        correlation = correlation_of(headers)
        correlation_id.set(correlation)
        send = marked(send, correlation)
        try:
            _check(scope, headers)
        except ShuyuanError as error:
            await refuse(scope, send, error)
            return
        limited = _Limited(receive, _body_max(scope))
        try:
            await self._app(scope, limited, send)
        except TooLarge as error:
            await refuse(scope, send, error)


class _Limited:
    """Stops a body at its limit, counted when it came without a length, and one that stalls."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._seen = 0
        self._whole = False
        self._ends_at = asyncio.get_running_loop().time() + BODY_SECONDS

    async def __call__(self) -> Message:
        # After the body the application listens for its caller to leave, however long that takes.
        async with asyncio.timeout_at(None if self._whole else self._ends_at):
            message = await self._receive()
        self._whole = not message.get("more_body", False)
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            raise TooLarge(limit_bytes=self._limit)
        return message


def correlation_of(headers: dict[bytes, bytes]) -> str:
    """Take the caller's correlation id when it is short and plain, else make one."""
    given = headers.get(b"exchange-correlation-id")
    if given is None:
        return new_id()
    plain = given.replace(b"-", b"").isalnum() and len(given) <= CORRELATION_MAX
    return given.decode() if plain else new_id()


def _check(scope: Scope, headers: dict[bytes, bytes]) -> None:
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise BadRequest("地址中含有 NUL 字符", "The address holds a NUL character")
    length = headers.get(b"content-length", b"0")
    limit = _body_max(scope)
    if length.isdigit() and int(length) > limit:
        raise TooLarge(limit_bytes=limit)
    has_body = length != b"0" or b"transfer-encoding" in headers
    if has_body and scope["method"] in ("POST", "PUT", "PATCH"):
        _check_media(scope["path"], headers.get(b"content-type", b""))


def _body_max(scope: Scope) -> int:
    return EDITION_MAX if EDITIONS.fullmatch(scope["path"]) else BODY_MAX


def _check_media(path: str, content_type: bytes) -> None:
    media = content_type.partition(b";")[0].strip().lower()
    allowed = next((media for paths, media in MEDIA_OF if paths.fullmatch(path)), JSON)
    if media not in allowed:
        names = ", ".join(item.decode() for item in allowed)
        raise UnsupportedMedia(f"此处只接受 {names}", f"Only {names} is accepted here")


def marked(send: Send, correlation: str) -> Send:
    """Return a `send` that adds the worker and the correlation id to every answer."""
    marks = (_WORKER_MARK, (b"exchange-correlation-id", correlation.encode()))

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *marks]
        await send(message)

    return marked


async def refuse(scope: Scope, send: Send, error: ShuyuanError, status: int | None = None) -> None:
    """Send a problem body without FastAPI."""
    language = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    status, headers, body = problem(
        error, instance=scope["path"], english=in_english(language), status=status
    )
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
