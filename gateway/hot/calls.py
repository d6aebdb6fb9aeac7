"""Calls of mounted services, in front of FastAPI: answers pass through as they come."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import parse_qsl

from auth.principal import Principal
from auth.principal import Scope as AuthScope
from exchange.delivery.admission import RulesChanged
from exchange.services.calls import MODE, CallRequest
from exchange.services.operations import Response
from gateway.hot.pull_caller import PullCaller
from gateway.hot.request import HotRequest
from gateway.http.cycle import Handle
from gateway.metrics import AnswerCounts
from gateway.services import Services
from gateway.validation import unknown_parameter
from kernel.errors import BadRequest, TooLarge, TooMany, UnsupportedMedia

CALL = re.compile(r"/v1/subscriptions/([0-9a-zA-Z_-]{1,64})/call/([a-zA-Z][0-9a-zA-Z_-]{0,63})")
TEMPLATE: Final = "/v1/subscriptions/{subscription_id}/call/{operation}"
ANSWERED = {
    "get": AnswerCounts.of(f"GET {TEMPLATE}"),
    "post": AnswerCounts.of(f"POST {TEMPLATE}"),
}
BODY_MAX: Final = 1024 * 1024
QUERY_MAX: Final = 4096
HEAD: Final = b"content-type: application/json\r\ncache-control: no-store\r\n"
# Scripts of a provider's page must not run under the platform's own address.
PASSED: Final = b"cache-control: no-store\r\ncontent-security-policy: sandbox\r\n"
BLAMED_LATER: Final = (BadRequest, UnsupportedMedia, TooLarge, TooMany)


class CallHandles:
    """The handles of calls; `collect` reads a body of so many bytes at most."""

    def __init__(
        self,
        using: Callable[[], Services],
        admit: Callable[[Principal, HotRequest, str], Awaitable[None]],
        collect: Callable[[Principal, HotRequest, int], Awaitable[bytes]],
    ) -> None:
        self._using, self._admit, self._collect = using, admit, collect

    def route(self, method: str, path: str) -> tuple[Handle, str] | None:
        """Return who answers the request, and the subscription in its path; None for others."""
        if method not in ("GET", "POST") or (match := CALL.fullmatch(path)) is None:
            return None
        return (self.get if method == "GET" else self.post), match[1]

    async def get(self, subscription_id: str, request: HotRequest) -> None:
        await self._call("GET", subscription_id, request)

    async def post(self, subscription_id: str, request: HotRequest) -> None:
        await self._call("POST", subscription_id, request)

    async def _call(self, method: str, subscription_id: str, request: HotRequest) -> None:
        using = self._using()
        # Whoever leaves before the first byte would else hold the provider's connection.
        task = asyncio.current_task()
        request.incoming.on_leave = None if task is None else partial(leave, task)
        caller = PullCaller(using.tokens, using.restore, self._admit, request, subscription_id)
        try:
            principal = await caller.confirm()
            principal.require_scope(AuthScope.RECORDS_READ)
            plan = await using.bus.door.require(principal, subscription_id, MODE)
            name = request.path.rpartition("/")[2]
            calls = using.bus.calls
            operation = await calls.operation(plan.grant.resource_id, name, method)
            query = _query(request, operation.query)
            body = await self._collect(principal, request, BODY_MAX) if method == "POST" else b""
            asked = CallRequest(name, method, query, request.headers, body)
            if operation.response is Response.RECORDS:
                await self._records(caller, subscription_id, request, asked)
            else:
                await self._opaque(caller, subscription_id, request, asked)
        except BLAMED_LATER:
            await caller.ask_earlier(using.bus.door, MODE)
            raise
        except RulesChanged:
            # The service is not called twice: whoever may not have its answer is told why.
            await using.bus.door.require(await caller.confirm(), subscription_id, MODE)
            raise

    async def _records(
        self, caller: PullCaller, subscription_id: str, request: HotRequest, asked: CallRequest
    ) -> None:
        answer = await self._using().bus.calls.records(caller, subscription_id, asked)
        request.day = answer.day
        try:
            await request.answer(200, HEAD, answer.body, answer.admission)
        finally:
            if answer.settle is not None:
                answer.settle(request.handed_on > 0)

    async def _opaque(
        self, caller: PullCaller, subscription_id: str, request: HotRequest, asked: CallRequest
    ) -> None:
        """Pass an answer through; its connection ends with the block, whoever leaves."""
        calls = self._using().bus.calls
        async with calls.opaque(caller, subscription_id, asked) as told:
            answer = told.answer
            request.day, is_whole = answer.day, False
            # As the provider wrote them: a name of a file is in UTF-8 more often than not.
            fields = [f"{name}: {value}\r\n".encode() for name, value in told.headers]
            head = PASSED + b"".join(fields)
            try:
                await request.answer_streaming(told.status, head, told.pieces, answer.admission)
                # A call is one, also where its answer has no body.
                is_whole = True
            finally:
                if answer.settle is not None:
                    answer.settle(is_whole or request.handed_on > 0)


def leave(task: asyncio.Task[None]) -> None:
    """End a call that nobody waits for."""
    task.cancel()


def _query(request: HotRequest, known: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters of an operation; BadRequest for an unknown or doubled one."""
    raw = request.query_string
    try:
        pairs = parse_qsl(raw[:QUERY_MAX].decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise BadRequest("查询参数无法读取", "The query cannot be read") from error
    names = [name for name, _value in pairs]
    if len(raw) > QUERY_MAX or len(set(names)) < len(names) or not set(names) <= set(known):
        unknown = [unknown_parameter(name) for name in names if name not in known]
        raise BadRequest(
            f"查询参数只能是 {', '.join(known)}，各一次",
            f"Parameters: {', '.join(known)}, once each",
            errors=unknown,
        )
    return dict(pairs)
