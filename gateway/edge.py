"""The outermost layer, raw ASGI: who is calling, marks of answers, limits of size and media."""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from auth.principal import Principal
from gateway import metrics, strict_json
from gateway.coded import Coded
from gateway.conditional import Conditional
from gateway.correlation import correlation_of
from gateway.guard import GUARDED, Guard, source_of
from gateway.http.asgi import HOLDER, App, Message, Receive, Scope, Send
from gateway.http.budgets import BODIES, BODIES_ANONYMOUS, Bodies
from gateway.http.errors import RequestTimeout
from gateway.keys_in_paths import keyless
from gateway.order import ASKED, Asked
from gateway.problems import CodingNotSupported, Internal, in_english, log, problem, status_of
from gateway.refused import PRINCIPAL
from gateway.worker import worker_name
from kernel.clock import monotonic
from kernel.database import is_passing
from kernel.errors import BadRequest, ShuyuanError, TooLarge, Unavailable, UnsupportedMedia
from kernel.logging import correlation_id

BODY_MAX = 1024 * 1024
BODY_SECONDS = 60.0
FORMS = (b"application/x-www-form-urlencoded",)
JSON = (b"application/json", b"application/merge-patch+json")
RECORDS = (b"application/json", b"application/x-ndjson")
XLSX = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BOOKS = (XLSX, b"text/csv")
# What is written on as it comes, and never held.
PERSONS_UPLOADS = re.compile(r"/v1/resources/[^/]+/uploads")
FILES = re.compile(r"/v1/resources/[^/]+/files/[^/]+")
FILE_MAX = 50 * 1024**3
# A file that a person hands on or reports by a page: written on, too, as its form is read.
FILES_BY_PAGE = re.compile(r"/console/resources/[^/]+/(files|upload)")
STREAMED = re.compile(
    r"/v1/imports/.*|/v1/resources/[^/]+/uploads|/v1/resources/[^/]+/files/[^/]+"
    r"|/console/resources/[^/]+/(files|upload)"
)
# With room for what a form has around its file.
STREAMED_MAX = 64 * 1024 * 1024 + 64 * 1024
STREAMED_SECONDS = 600.0
# A document and what a form puts around it: how large the document itself is, its route looks at.
ATTACHMENTS = re.compile(r"/v1/attachments")
# The forms of pages that take a document along.
ATTACHED_BY_PAGE = re.compile(
    r"/console/(applications/new|applications/[^/]+/attachments|corrections/new|disputes/new)"
)
ATTACHMENT_MAX = 10 * 1024 * 1024 + 64 * 1024
MULTIPART = (b"multipart/form-data",)
MEDIA_OF = (
    (PERSONS_UPLOADS, (b"multipart/form-data",)),
    (FILES, (b"application/offset+octet-stream",)),
    (FILES_BY_PAGE, (*FORMS, *MULTIPART)),
    (STREAMED, BOOKS),
    (ATTACHMENTS, MULTIPART),
    (re.compile(r"/oauth/.*"), FORMS),
    (re.compile(r"/v1/resources/.*/validate"), RECORDS),
    (re.compile(r"/console/.*"), (*FORMS, *MULTIPART)),
)
# An edition of the statistical division codes holds 18,000 values.
EDITIONS = re.compile(r"/v1/code-lists/.*/editions")
EDITION_MAX = 8 * 1024 * 1024
# 20,000 values of an edition have some fields each, so have 500 lines of a bundle; a page of the
# ledger has two.
MANY_VALUES = re.compile(
    r"/v1/code-lists/.*/editions|/v1/bundles(/.*)?|/v1/subscriptions/.*/confirm"
)
MANY_VALUES_MAX = 250_000
# Who signs in or asks for a token is not known yet, and needs little.
FORM_MAX = 64 * 1024
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Where an answer says nothing else. Pages bring a policy of their own (gateway/docs.py, oauth).
USUAL: Mapping[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}
STATUS = "exchange.status"
# What was refused before a route was looked for, and what no route answers.
UNROUTED = "-"
Answer = TypeVar("Answer")


class Edge:
    """Wraps FastAPI; the hot paths bring their own limits and come here only for refusals."""

    def __init__(self, app: App, guard: Guard | None = None) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        correlation = correlation_of(headers)
        correlation_id.set(correlation)
        scope[STATUS], begun = 0, monotonic()
        send = _noting(scope, marked(send, correlation))
        send = Coded(send, headers.get(b"accept-encoding", b""))
        if scope["method"] == "GET":
            send = Conditional(send, headers.get(b"if-none-match"))
        try:
            await self._answer(scope, headers, receive, send)
        finally:
            route = getattr(scope.get("route"), "path_format", UNROUTED)
            metrics.answered(f"{scope['method']} {route}", scope[STATUS], monotonic() - begun)

    async def _answer(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        try:
            principal = await self._known(scope, headers)
        except ShuyuanError as error:
            await self._refuse(scope, send, error)
            return
        limited = _limited(receive, scope["path"], *_pot(scope, principal))
        try:
            try:
                whole = await self._readable(scope, headers, limited)
            except ShuyuanError as error:
                await self._refuse(scope, send, await self._first(scope, error))
                return
            await self._app(scope, whole, send)
        except (TooLarge, RequestTimeout) as error:
            await self._refuse(scope, send, error)
        finally:
            limited.release()

    async def _readable(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive
    ) -> Receive:
        """Return the way to the body; raises what is wrong with query, media, size and JSON."""
        asked: Asked | None = scope.get(ASKED)
        guarded = self._guard is not None and scope["path"].startswith(GUARDED)
        _check_address(scope)
        if guarded and asked is None:
            # No operation: whatever else is wrong, the answer is 404 or 405.
            return receive
        if asked is not None:
            asked.operation.check_query(asked.query_string, asked.path_params)
        _check(scope, headers)
        if asked is None or not asked.operation.takes_json or scope["method"] not in CHANGING:
            return receive
        body = await _collected(receive)
        if body:
            await strict_json.check(body, _values_max(scope["path"]))
        return _replayed(body, receive)

    async def _first(self, scope: Scope, error: ShuyuanError) -> ShuyuanError:
        if self._guard is None:
            return error
        return await self._trying(scope, self._guard.first(scope, error))

    async def _refuse(self, scope: Scope, send: Send, error: ShuyuanError) -> None:
        if self._guard is not None:
            error = await self._guard.slowed(error, scope.get(PRINCIPAL), source_of(scope))
            self._guard.note(scope, error, status_of(error))
        await refuse(scope, send, error)

    async def _known(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Principal | None:
        """Return the caller before anything is read of the body; raises 401, 403, 429, 503."""
        if self._guard is None:
            return None
        principal = await self._trying(scope, self._guard.known(scope, headers))
        if principal is not None:
            scope[HOLDER] = principal.id
        return principal

    async def _trying(self, scope: Scope, asking: Awaitable[Answer]) -> Answer:
        """Return the answer; every failure is a refusal, since nobody else would answer."""
        try:
            return await asking
        except ShuyuanError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever happened, the answer is a problem body
            if is_passing(error):
                log.warning("edge: %r", error)
                raise Unavailable from None
            log.exception("unexpected error on %s", keyless(scope["path"]))
            raise Internal from None


async def _collected(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("请求体不完整", "The body ended before its end")
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the whole body, and what came after it."""
    waiting = [body]

    async def replayed() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed


class _Limited:
    """Stops a body at its limit, counted when it came without a length, and one that stalls."""

    seconds = BODY_SECONDS

    def __init__(self, receive: Receive, limit: int, pot: Bodies, holder: str) -> None:
        self._receive = receive
        self._limit = limit
        self._pot = pot
        self._holder = holder
        self._seen = 0
        self._held = 0
        self._whole = False
        self._ends_at = asyncio.get_running_loop().time() + self.seconds

    async def __call__(self) -> Message:
        # After the body the application listens for its caller to leave, however long that takes.
        try:
            async with asyncio.timeout_at(None if self._whole else self._ends_at):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        self._whole = not message.get("more_body", False)
        size = len(message.get("body", b""))
        self._seen += size
        self._pot.hold(self._holder, size)
        self._held += size
        if self._seen > self._limit:
            raise TooLarge(limit_bytes=self._limit)
        return message

    def release(self) -> None:
        """The request is answered: nothing of its body is under way any more."""
        if self._held:
            self._pot.release(self._holder, self._held)
            self._held = 0


class _Streamed(_Limited):
    """A body whose pieces are gone when the next one is asked for: one alone is under way."""

    seconds = STREAMED_SECONDS

    async def __call__(self) -> Message:
        self.release()
        return await super().__call__()


def _limited(receive: Receive, path: str, pot: Bodies, holder: str) -> _Limited:
    kind = _Streamed if STREAMED.fullmatch(path) else _Limited
    return kind(receive, _body_max(path), pot, holder)


def _pot(scope: Scope, principal: Principal | None) -> tuple[Bodies, str]:
    if principal is not None:
        return BODIES, principal.id
    client = scope.get("client")
    return BODIES_ANONYMOUS, str(client[0]) if client else ""


def _check_address(scope: Scope) -> None:
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise BadRequest("地址中含有 NUL 字符", "The address holds a NUL character")


def _check(scope: Scope, headers: Mapping[bytes, bytes]) -> None:
    path = scope["path"]
    length = headers.get(b"content-length", b"0")
    has_body = length != b"0" or b"transfer-encoding" in headers
    if has_body and scope["method"] in CHANGING:
        _check_media(path, headers.get(b"content-type", b""))
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise CodingNotSupported("identity")
    limit = _body_max(path)
    if length.isdigit() and int(length) > limit:
        raise TooLarge(limit_bytes=limit)


def _body_max(path: str) -> int:
    if path.startswith("/oauth/"):
        return FORM_MAX
    if FILES.fullmatch(path):
        return FILE_MAX
    if STREAMED.fullmatch(path):
        return STREAMED_MAX
    if ATTACHMENTS.fullmatch(path) or ATTACHED_BY_PAGE.fullmatch(path):
        return ATTACHMENT_MAX
    return EDITION_MAX if EDITIONS.fullmatch(path) else BODY_MAX


def _values_max(path: str) -> int:
    return MANY_VALUES_MAX if MANY_VALUES.fullmatch(path) else strict_json.VALUES_MAX


def _check_media(path: str, content_type: bytes) -> None:
    media = content_type.partition(b";")[0].strip().lower()
    allowed = next((media for paths, media in MEDIA_OF if paths.fullmatch(path)), JSON)
    if media not in allowed:
        names = ", ".join(item.decode() for item in allowed)
        raise UnsupportedMedia(f"此处只接受 {names}", f"Only {names} is accepted here")


def _noting(scope: Scope, send: Send) -> Send:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            scope[STATUS] = message["status"]
        await send(message)

    return noting


def marked(send: Send, correlation: str) -> Send:
    """Return a `send` that adds the worker, the correlation id and what is missing to answers."""
    marks = (
        (b"exchange-worker", worker_name().encode()),
        (b"exchange-correlation-id", correlation.encode()),
    )

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            there = {name.lower() for name, _value in headers}
            usual = [field for field in USUAL.items() if field[0] not in there]
            message["headers"] = [*headers, *usual, *marks]
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
