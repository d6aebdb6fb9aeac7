"""Query and verify, in front of FastAPI: small questions that come by the thousand."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Final, TypeVar

from pydantic import (
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationError,
)

from auth.principal import Principal
from auth.principal import Scope as AuthScope
from exchange.delivery.admission import again_while_rules_change
from exchange.delivery.lookup import query, verify
from exchange.delivery.lookup.door import Answer
from exchange.delivery.lookup.query import QueryRequest
from exchange.delivery.lookup.verify import EXPECTED_MAX, VerifyRequest
from gateway import strict_json, validation
from gateway.api.sharing import ConditionWire, conditions_of
from gateway.hot import codings
from gateway.hot.ledger_fields import ledger_fields
from gateway.hot.pull_caller import PullCaller
from gateway.hot.request import HotRequest
from gateway.http.cycle import Handle
from gateway.keys_in_paths import key_in
from gateway.metrics import AnswerCounts
from gateway.problems import CodingNotSupported
from gateway.services import Services
from kernel.errors import (
    BadRequest,
    Invalid,
    TooLarge,
    TooMany,
    UnsupportedMedia,
)
from kernel.wire import Verbatim, Wire

KEYED = re.compile(r"(?s:/v1/subscriptions/([0-9a-zA-Z_-]{1,64})/records/.+)")
QUERY = re.compile(r"/v1/subscriptions/([0-9a-zA-Z_-]{1,64})/query")
VERIFY = re.compile(r"/v1/subscriptions/([0-9a-zA-Z_-]{1,64})/verify")
ANSWERED = {
    "query_one": AnswerCounts.of("GET /v1/subscriptions/{subscription_id}/records/{key}"),
    "query": AnswerCounts.of("POST /v1/subscriptions/{subscription_id}/query"),
    "verify": AnswerCounts.of("POST /v1/subscriptions/{subscription_id}/verify"),
}
LIMIT_DEFAULT, LIMIT_MAX = 100, 1_000
BODY_MAX: Final = 1024 * 1024
HEAD: Final = b"content-type: application/json\r\ncache-control: no-store\r\n"
MAY_READ: Final = AuthScope.RECORDS_READ
# Refusals that are told only where thing and state have nothing to say (gateway/order.py).
BLAMED_LATER: Final = (BadRequest, UnsupportedMedia, TooLarge, TooMany, Invalid)
Ask = Callable[[], Awaitable[Answer]]
Body = TypeVar("Body", bound=Wire)
Value = Annotated[StrictStr, StringConstraints(strip_whitespace=False, max_length=4096)]
Scalar = StrictBool | StrictInt | StrictFloat | Value
ItemName = Annotated[str, Field(max_length=64)]


class VerifyBody(Wire):
    """`key` is the real one, `expect` true values of granted items, whatever their masks.

    `matter` is what it is asked for; of `reference`, the case's number, a keyed hash is kept.
    """

    key: Annotated[Verbatim, Field(min_length=1, max_length=1024)]
    expect: Annotated[dict[ItemName, Scalar], Field(min_length=1, max_length=EXPECTED_MAX)]
    matter: Annotated[str, Field(min_length=1, max_length=200)]
    reference: Annotated[str, Field(min_length=1, max_length=200)]


class QueryBody(Wire):
    """Conditions as in a row filter, joined by AND; the cursor of the page before."""

    where: Annotated[list[ConditionWire], Field(fail_fast=True, max_length=20)]
    limit: Annotated[StrictInt, Field(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str, Field(max_length=2048)] | None = None


class Lookups:
    """The handles of query and verify; `collect` reads a body of so many bytes at most."""

    def __init__(
        self,
        using: Callable[[], Services],
        admit: Callable[[Principal, HotRequest, str], Awaitable[None]],
        collect: Callable[[Principal, HotRequest, int], Awaitable[bytes]],
    ) -> None:
        self._using = using
        self._admit = admit
        self._collect = collect

    def route(self, method: str, path: str) -> tuple[Handle, str] | None:
        """Return who answers the request, and the subscription in its path; None for others."""
        if method == "GET" and (match := KEYED.fullmatch(path)):
            return self.query_one, match[1]
        if method == "POST" and (match := VERIFY.fullmatch(path)):
            return self.verify, match[1]
        if method == "POST" and (match := QUERY.fullmatch(path)):
            return self.query, match[1]
        return None

    async def _read(self, principal: Principal, request: HotRequest, shape: type[Body]) -> Body:
        """Return the body; raises what is wrong with its media, size, text and content."""
        media = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media != b"application/json":
            zh, en = "此处只接受 application/json", "Only application/json is accepted here"
            raise UnsupportedMedia(zh, en)
        if request.headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise CodingNotSupported("identity")
        body = await self._collect(principal, request, BODY_MAX)
        await strict_json.check(body)
        try:
            return shape.model_validate_json(body)
        except ValidationError as error:
            raise validation.of_body(error) from None

    async def query_one(self, subscription_id: str, request: HotRequest) -> None:
        async def read(caller: PullCaller, _principal: Principal) -> Ask:
            request.query()
            key = key_in(request.raw_path)
            return partial(self._using().bus.querier.one, caller, subscription_id, key)

        await self._answer(subscription_id, request, query.MODE, read)

    async def query(self, subscription_id: str, request: HotRequest) -> None:
        async def read(caller: PullCaller, principal: Principal) -> Ask:
            request.query()
            body = await self._read(principal, request, QueryBody)
            wanted = QueryRequest(conditions_of(body.where), body.limit, body.cursor)
            return partial(self._using().bus.querier.many, caller, subscription_id, wanted)

        await self._answer(subscription_id, request, query.MODE, read)

    async def verify(self, subscription_id: str, request: HotRequest) -> None:
        async def read(caller: PullCaller, principal: Principal) -> Ask:
            request.query()
            body = await self._read(principal, request, VerifyBody)
            wanted = VerifyRequest(body.key, body.expect, body.matter, body.reference)
            return partial(self._using().bus.verifier.verify, caller, subscription_id, wanted)

        await self._answer(subscription_id, request, verify.MODE, read)

    async def _answer(
        self,
        subscription_id: str,
        request: HotRequest,
        mode: str,
        read: Callable[[PullCaller, Principal], Awaitable[Ask]],
    ) -> None:
        """Answer, and of several refusals with the first (docs/api.md section 1)."""
        using = self._using()
        caller = PullCaller(using.tokens, using.restore, self._admit, request, subscription_id)
        try:
            principal = await caller.confirm()
            principal.require_scope(MAY_READ)
            ask = await read(caller, principal)
            await again_while_rules_change(lambda: _hand_on(request, ask))
        except BLAMED_LATER:
            await caller.ask_earlier(using.bus.door, mode)
            raise


async def _hand_on(request: HotRequest, ask: Ask) -> None:
    """Send the answer; one that may not leave any more is settled as not handed on."""
    answer = await ask()
    request.day = answer.day
    head, body, handed_on = HEAD, answer.body, False
    if answer.listed is not None:
        head += ledger_fields(answer.listed)
    try:
        if len(body) > codings.CODED_BYTES:
            coding = codings.best(request.headers.get(b"accept-encoding", b""))
            if coding:
                body = await codings.encode(coding, body)
                head += codings.HEAD % coding
        try:
            await request.answer(200, head, body, answer.admission)
        finally:
            handed_on = request.handed_on > 0
    finally:
        if answer.settle is not None:
            answer.settle(handed_on)
