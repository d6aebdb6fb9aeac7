"""The hot paths, in front of FastAPI: publish and pull (docs/architecture.md).

FastAPI documents them from the same models (gateway/api/records.py) and never runs them.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from functools import cached_property, partial

import msgspec

from auth.errors import NotDelegated
from auth.principal import Principal
from auth.principal import Scope as AuthScope
from exchange.delivery.admission import again_while_rules_change
from exchange.delivery.errors import QuotaExhausted
from exchange.delivery.pull import MODE, PullRequest
from exchange.publishing.errors import BodyTooLarge
from exchange.publishing.publish import Media, OnInvalid, Op, PublishRequest
from gateway import refused
from gateway.delegated import HEADER
from gateway.edge import Edge
from gateway.guard import Guard
from gateway.hot import codings
from gateway.hot.calls import ANSWERED as CALLS_ANSWERED
from gateway.hot.calls import CallHandles
from gateway.hot.ledger_fields import ledger_fields
from gateway.hot.lookups import ANSWERED as LOOKUPS_ANSWERED
from gateway.hot.lookups import Lookups
from gateway.hot.pages import JSON, NDJSON, as_document, page_head, records_in
from gateway.hot.parameters import choice, number, replacement_of, version
from gateway.hot.pull_caller import PullCaller
from gateway.hot.request import Headers, HotRequest
from gateway.http.asgi import HEAD_ONLY, App, Receive, Scope, Send
from gateway.http.budgets import BODIES
from gateway.http.cycle import Handle, HotApp
from gateway.http.errors import RequestTimeout
from gateway.http.outflow import Body, ClientGoneError, CutShortError, joined, size_of
from gateway.http.stopping import STOPPING
from gateway.keys_in_paths import keyless
from gateway.metrics import AnswerCounts
from gateway.negotiation import prefers_json
from gateway.problems import Internal, log, status_of
from gateway.receipts import worded
from gateway.services import Services
from kernel import answers, leaving
from kernel.clock import monotonic
from kernel.database import is_passing
from kernel.errors import (
    BadRequest,
    ShuyuanError,
    TooLarge,
    TooMany,
    Unavailable,
    UnsupportedMedia,
)
from kernel.joining import JOINED_AT_ONCE, joining, used_up
from kernel.logging import correlation_id

PUBLISH = re.compile(r"/v1/resources/([0-9a-zA-Z_-]{1,64})/records")
POSTED = re.compile(r"/v1/resources/[^/]+/records|/v1/subscriptions/[^/]+/(?:query|verify)")
PULL = re.compile(r"/v1/subscriptions/([0-9a-zA-Z_-]{1,64})/records")
BODY_MAX = 8 * 1024 * 1024
BODY_SECONDS = 60.0
LIMIT_DEFAULT, LIMIT_MAX = 500, 10_000
WAIT_MAX = 30.0
STORED = b"content-type: %b\r\n" % JSON
REPLAYED = STORED + b"idempotency-replayed: true\r\n"
# Members of an enum cost ten times as much to name as these do.
UPSERT, REJECT = Op.UPSERT, OnInvalid.REJECT
MAY_PUBLISH, MAY_READ = AuthScope.RECORDS_PUBLISH, AuthScope.RECORDS_READ
# Refusals that are told only where thing and state have nothing to say (gateway/order.py).
BLAMED_LATER = (BadRequest, UnsupportedMedia, TooLarge, TooMany)

PULLING = "GET /v1/subscriptions/{subscription_id}/records"
ANSWERED = {
    "_publish": AnswerCounts.of("POST /v1/resources/{resource_id}/records"),
    "_pull": AnswerCounts.of(PULLING),
    **LOOKUPS_ANSWERED,
    **CALLS_ANSWERED,
}
# How long a poll takes is what its caller asked for.
POLLS = AnswerCounts.of(f"{PULLING}?wait")

encode = msgspec.json.Encoder().encode


class HotPaths(HotApp):
    """Takes publish and pull for itself and hands everything else on."""

    def __init__(self, app: App, services: Callable[[], Services]) -> None:
        self._guard = Guard(app, services)
        self._edge = Edge(app, self._guard)
        self._services = services
        self._lookups = Lookups(lambda: self._using, self._admit, self._small_body)
        self._calls = CallHandles(lambda: self._using, self._admit, self._small_body)

    @cached_property
    def _using(self) -> Services:
        """What the worker opened when it started: no request comes before that."""
        return self._services()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The worker's loop: to look for it asks the kernel who this process is."""
        return asyncio.get_running_loop()

    def route(self, method: str, path: str) -> tuple[Handle, str] | None:
        if method == "POST" and (match := PUBLISH.fullmatch(path)):
            return self._publish, match[1]
        if method == "GET" and (match := PULL.fullmatch(path)):
            return self._pull, match[1]
        return self._lookups.route(method, path) or self._calls.route(method, path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            # The server leaves the body of an answer to HEAD out, whoever made it.
            scope = {**scope, "method": "GET", HEAD_ONLY: True}
        await self._edge(scope, receive, send)

    async def run(self, handle: Handle, thing_id: str, request: HotRequest) -> None:
        """Answer every failure with a problem body."""
        correlation_id.set(request.correlation)
        begun = monotonic()
        try:
            await handle(thing_id, request)
        except ShuyuanError as error:
            if isinstance(error, QuotaExhausted):
                request.day = error.day
            # No name for what comes back: it would hold the error, whose frames hold the body, and
            # itself, until a look of the garbage collector.
            await self._refuse(
                request, await self._guard.slowed(error, request.principal, request.source)
            )
        except (ClientGoneError, CutShortError):
            log.debug("client left in the middle of its body, or of its answer")
        except Exception as error:  # noqa: BLE001 - whatever happened, the answer is a problem body
            if is_passing(error):
                log.warning("hot path: %r", error)
                await self._refuse(request, Unavailable())
            else:
                log.exception("unexpected error on %s", keyless(request.path))
                await self._refuse(request, Internal(), 500)
        finally:
            _answered(handle, request).add(request.answered_status, monotonic() - begun)

    async def _refuse(
        self, request: HotRequest, error: ShuyuanError, status: int | None = None
    ) -> None:
        """Keep the refusal of a known caller, and answer with it."""
        refused.note(
            self._using,
            request.principal,
            error,
            status_of(error, status),
            method=request.method or ("POST" if POSTED.fullmatch(request.path) else "GET"),
            path=request.path,
            source=request.source,
        )
        await request.refuse(error, status)

    async def _publish(self, resource_id: str, request: HotRequest) -> None:
        using = self._using
        # What nobody waits for gives up its place in every queue before the ledger's (C25).
        request.incoming.on_leave = leaving.dropping(self._loop)
        token = request.token()
        principal = using.tokens.cached(token) or await using.tokens.verify(token)
        request.principal = principal
        using.restore.require()
        # Before the body: whoever asks too often shall not send megabytes in vain.
        await self._admit(principal, request)
        principal.require_scope(MAY_PUBLISH)
        publisher = using.bus.publisher
        try:
            if not request.incoming.complete:
                await publisher.require(principal, resource_id)
            try:
                publish_request = await self._publish_request(principal, request)
            except BLAMED_LATER:
                await publisher.require(principal, resource_id)
                raise
            if (replacement := publish_request.replacement) is not None:
                await using.bus.replacements.require_open(principal, resource_id, replacement)
            published = await publisher.publish(principal, resource_id, publish_request)
        finally:
            if request.held_bytes:
                BODIES.release(principal.id, request.held_bytes)
        receipt = published.receipt
        if receipt.errors:
            receipt = worded(receipt, english=request.wants_english)
        await request.answer(201, REPLAYED if published.replayed else STORED, encode(receipt))

    async def _admit(
        self, principal: Principal, request: HotRequest, subscription_id: str | None = None
    ) -> None:
        """Count the request against its limits; raises TooMany, NotDelegated."""
        self._using.bus.reader.turns.asks(principal.id)
        gate = self._using.gate
        request.buckets = gate.buckets(principal, subscription_id)
        if not gate.taken(request.buckets):
            await gate.take(request.buckets)
        if HEADER in request.headers:
            raise NotDelegated

    async def _publish_request(self, principal: Principal, request: HotRequest) -> PublishRequest:
        """Return what is asked for; raises BadRequest, UnsupportedMedia, and as `_body` does."""
        query = request.query("op", "on_invalid", "replacement")
        headers = request.headers
        op = choice(query, "op", UPSERT) if query else UPSERT
        on_invalid = choice(query, "on_invalid", REJECT) if query else REJECT
        replacement = replacement_of(query, op) if query else None
        wanted_version = version(headers.get(b"exchange-resource-version"))
        key = headers.get(b"idempotency-key")
        if key is not None:
            answers.check_key(key.decode("latin-1"))
        media = _media(headers)
        coding = headers.get(b"content-encoding")
        decode = None if coding is None else codings.decoder(coding)
        body = await self._body(principal, request)
        if decode is not None:
            body = await self._decoded(principal, request, decode, body)
        return PublishRequest(
            media=media,
            op=op,
            on_invalid=on_invalid,
            version=wanted_version,
            idempotency_key=None if key is None else key.decode(),
            correlation_id=request.correlation,
            replacement=replacement,
            body=body,
        )

    async def _small_body(self, principal: Principal, request: HotRequest, most: int) -> bytes:
        """Collect a body that is read at once; raises as `_body` does."""
        try:
            return await self._body(principal, request, most)
        finally:
            if request.held_bytes:
                BODIES.release(principal.id, request.held_bytes)
                request.held_bytes = 0

    async def _body(self, principal: Principal, request: HotRequest, most: int = BODY_MAX) -> bytes:
        """Collect the body; raises BodyTooLarge, RequestTimeout for one that stalls, 429, 503."""
        length = request.headers.get(b"content-length", b"0")
        if int(length) > most:
            raise BodyTooLarge(limit_bytes=most)
        incoming = request.incoming
        if incoming.complete:
            return self._hold(principal, request, most)
        parts, whole = deque[bytes](), False
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while not whole:
                    whole = await incoming.more()
                    parts.append(self._hold(principal, request, most))
        except TimeoutError:
            raise RequestTimeout from None
        return await self._joined(principal, parts)

    def _hold(self, principal: Principal, request: HotRequest, most: int) -> bytes:
        """Count the bytes under way; a client may hold a quarter of what the worker may (P9)."""
        body = request.incoming.take()
        self._count(principal, request, len(body))
        if request.held_bytes > most:
            raise BodyTooLarge(limit_bytes=most)
        return body

    def _count(self, principal: Principal, request: HotRequest, size: int) -> None:
        request.held_bytes += size
        BODIES.hold(principal.id, size)

    async def _decoded(
        self, principal: Principal, request: HotRequest, decode: codings.Decode, body: bytes
    ) -> bytes:
        """Return what was coded, counted as it grows; raises BodyTooLarge, MalformedRequest."""
        parts = deque[bytes]()
        size = 0
        async for part in decode(body, BODY_MAX):
            self._count(principal, request, len(part))
            size += len(part)
            if size > BODY_MAX:
                raise BodyTooLarge(limit_bytes=BODY_MAX)
            parts.append(part)
        return await self._joined(principal, parts)

    async def _joined(self, principal: Principal, parts: deque[bytes]) -> bytes:
        size = sum(map(len, parts))
        if size <= JOINED_AT_ONCE:
            return b"".join(parts)
        turns = self._using.bus.reader.turns
        return await turns.finish(joining(used_up(parts), size), principal.id)

    async def _pull(self, subscription_id: str, request: HotRequest) -> None:
        using = self._using
        caller = PullCaller(using.tokens, using.restore, self._admit, request, subscription_id)
        try:
            principal = await caller.confirm()
            principal.require_scope(MAY_READ)
            pull_request = _pull_request(subscription_id, request)
        except BLAMED_LATER:
            await caller.ask_earlier(using.bus.door, MODE)
            raise
        if pull_request.deadline:
            if STOPPING.begun:
                raise Unavailable("本节点正在停止", "This node is stopping")
            request.incoming.on_leave = partial(using.bus.tail.wake_subscription, subscription_id)
        await again_while_rules_change(lambda: self._page(caller, request, pull_request))

    async def _page(self, caller: PullCaller, request: HotRequest, asked: PullRequest) -> None:
        """Send a page; one that may not leave any more is settled as not handed on."""
        page = await self._using.bus.puller.pull(caller, asked)
        request.day = page.day
        as_json = prefers_json(request.headers.get(b"accept", b""))
        body: Body = as_document(page) if as_json else page.lines.texts
        head = page_head(page, as_json=as_json)
        if page.listed is not None:
            head += ledger_fields(page.listed)
        coding = None
        if size_of(body) > codings.CODED_BYTES:
            coding = codings.best(request.headers.get(b"accept-encoding", b""))
        records = 0
        try:
            if coding:
                body = await codings.encode(coding, joined(body))
                head += codings.HEAD % coding
            try:
                await request.answer(200, head, body, page.admission)
            finally:
                size = size_of(body)
                records = records_in(page, request.handed_on, size, coded=bool(coding))
        finally:
            if page.settle is not None:
                page.settle(records)


def _pull_request(subscription_id: str, request: HotRequest) -> PullRequest:
    """Return what is asked for; raises BadRequest."""
    query = request.query("cursor", "limit", "wait")
    wait = number(query, "wait", 0, 0, WAIT_MAX)
    return PullRequest(
        subscription_id,
        query.get("cursor"),
        int(number(query, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX)),
        monotonic() + wait if wait else 0.0,
        _is_over,
    )


def _answered(handle: Handle, request: HotRequest) -> AnswerCounts:
    return POLLS if b"wait=" in request.query_string else ANSWERED[handle.__name__]


def _is_over() -> bool:
    return STOPPING.begun


def _media(headers: Headers) -> Media:
    content_type = headers.get(b"content-type", b"")
    media = (
        content_type if content_type == NDJSON else content_type.partition(b";")[0].strip().lower()
    )
    if media == NDJSON:
        return Media.NDJSON
    if media == JSON:
        return Media.JSON
    raise UnsupportedMedia(
        "只接受 application/x-ndjson 或 application/json",
        "Only application/x-ndjson or application/json is accepted",
    )
