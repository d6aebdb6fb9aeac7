"""Calling a department's service for a subscription: checked, filtered, masked, bounded (P3, P9).

Nothing of the consumer's connection reaches the provider, and nothing of the provider's the
consumer. Whatever ends a call, its connection is given back or cut off before the answer is over.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from auth.principal import Principal
from catalog.contracts.checked import Checked
from exchange.delivery.admission import Caller
from exchange.delivery.errors import Day, QuotaExhausted
from exchange.delivery.lookup.door import Answer, Door, Entered
from exchange.metering.evidence.trails import RowTake
from exchange.metering.quota import Reservation, seconds_left_of_today
from exchange.publishing.publish import Publisher
from exchange.services.breaker import Breaker
from exchange.services.errors import OpaqueNotGranted, ServiceFailed, ServiceMissing
from exchange.services.operations import (
    HANDED_ON,
    OPAQUE_GRADE_MAX,
    SENT_ON,
    Operation,
    url_of,
)
from exchange.services.plans import ServicePlan, ServicePlans
from kernel.errors import BadRequest, ShuyuanError
from kernel.outbound.client import Deadlines, Outbound, OutboundRequest, OutboundResponse
from kernel.outbound.errors import OutboundError, Reason
from kernel.turns import FairScheduler, Steps

MODE: Final = "api"
# Answers of records are held until they are checked; the others pass through.
RECORDS_BYTES_MAX: Final = 1024 * 1024
OPAQUE_BYTES_MAX: Final = 1024 * 1024 * 1024
TOTAL_SECONDS: Final = 3600.0
RECORDS_SECONDS: Final = 120.0
NDJSON: Final = "application/x-ndjson"
OK: Final = range(200, 300)
# Answers of an opaque operation that are its own business, and no failure of the service.
TOLD: Final = frozenset({400, 404, 409, 410, 412, 422})
# What a call may be tried again after, if it changes nothing: none of an answer has come.
AGAIN: Final = frozenset({Reason.BROKEN, Reason.CONNECT_FAILED})
_UPSERT: Final = b'{"op":"upsert",'


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What the consumer asks; header names are lower case."""

    operation: str
    method: str
    query: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    body: bytes


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that passes through: `admission` and `settle` are as in `Answer`."""

    status: int
    headers: Sequence[tuple[str, str]]
    pieces: AsyncIterator[bytes]
    answer: Answer


class Calls:
    """One worker's calls."""

    def __init__(
        self,
        door: Door,
        plans: ServicePlans,
        publisher: Publisher,
        outbound: Outbound,
        breaker: Breaker,
        turns: FairScheduler,
    ) -> None:
        self._door, self._plans, self._publisher = door, plans, publisher
        self._outbound, self._breaker, self._turns = outbound, breaker, turns

    async def operation(self, resource_id: str, name: str, method: str) -> Operation:
        """Raise ServiceMissing where there is none of this name and method."""
        found = (await self._plans.of(resource_id)).operations.get(name)
        if found is None or found.method != method:
            raise ServiceMissing
        return found

    async def records(self, caller: Caller, subscription_id: str, request: CallRequest) -> Answer:
        """Return records as the grant shows them.

        Raises 401 and 403 errors, NotFound, QuotaExhausted, ServiceFailed, ServiceOpen.
        """

        async def work(entered: Entered) -> Answer:
            return await self._records(entered, request)

        return await self._door.through(caller, subscription_id, MODE, work)

    @asynccontextmanager
    async def opaque(
        self, caller: Caller, subscription_id: str, request: CallRequest
    ) -> AsyncIterator[Streamed]:
        """Yield an answer that passes through, whose connection ends with the block; as `records`.

        OpaqueNotGranted where it would have to be filtered or masked.
        """

        async def enter(entered: Entered) -> tuple[Entered, Reservation | None]:
            return entered, await self._door.reserve(entered.plan, 1)

        entered, reservation = await self._door.through(caller, subscription_id, MODE, enter)
        handed = False
        try:
            service, operation = await self._found(entered, request)
            _require_opaque(entered, service)
            async with self._called(service, operation, request, TOTAL_SECONDS) as response:
                _require_status(response, told=TOLD)
                entered.admission()
                answer = self._door.answer(entered, b"", reservation, 1, [])
                handed = True
                yield Streamed(response.status, _headers(response), self._pieces(response), answer)
        except BaseException:
            if not handed:
                self._door.give_back(reservation, 1)
            raise

    async def _found(self, entered: Entered, request: CallRequest) -> tuple[ServicePlan, Operation]:
        resource_id = entered.plan.grant.resource_id
        operation = await self.operation(resource_id, request.operation, request.method)
        unknown = [name for name in request.query if name not in operation.query]
        if unknown:
            raise BadRequest(
                f"未知的查询参数 {unknown[0]}", f"Unknown query parameter {unknown[0]}"
            )
        return await self._plans.of(resource_id), operation

    async def _records(self, entered: Entered, request: CallRequest) -> Answer:
        service, operation = await self._found(entered, request)
        await self._door.reserve(entered.plan, 0)
        async with self._called(service, operation, request, RECORDS_SECONDS) as response:
            _require_status(response)
            media = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            body = await _whole(response)
        lines = await self._shown(entered, body, is_lines=media == NDJSON)
        reservation = await self._door.reserve(entered.plan, len(lines)) if lines else None
        if reservation is not None and reservation.records < len(lines):
            self._door.give_back(reservation, reservation.records)
            raise _exhausted(reservation)
        try:
            entered.admission()
            items = b",".join(b"{" + line[len(_UPSERT) :] for line in lines)
            takes: list[RowTake] = []
            return self._door.answer(
                entered, b'{"items":[%b]}' % items, reservation, len(lines), takes
            )
        except BaseException:
            self._door.give_back(reservation, len(lines))
            raise

    async def _shown(self, entered: Entered, body: bytes, *, is_lines: bool) -> list[bytes]:
        """Check records by the contract in force, and show them; raises ServiceFailed."""
        if not body.strip() or body.strip() == b"[]":
            return []
        contract = (await self._publisher.plans.get(entered.plan.grant.resource_id)).plan
        steps = contract.ndjson(body) if is_lines else contract.json(body)
        checked = await self._checked(entered.principal, steps)
        shown = entered.plan.projection.lines(entered.plan.version, checked[0], checked[1])
        return [line for line in shown if line is not None]

    async def _checked(
        self, principal: Principal, steps: Steps[Checked]
    ) -> tuple[Sequence[bytes], Sequence[bytes]]:
        try:
            checked = await self._turns.finish(steps, principal.id)
        except ShuyuanError as error:
            raise ServiceFailed(error.code) from error
        if checked.rejected:
            raise ServiceFailed("contract")
        return checked.keys, checked.lines

    @asynccontextmanager
    async def _called(
        self, service: ServicePlan, operation: Operation, request: CallRequest, seconds: float
    ) -> AsyncIterator[OutboundResponse]:
        """Yield the answer once its head has come; raises ServiceFailed, ServiceOpen."""
        self._breaker.enter(service.host)
        judged = False
        try:
            async with self._opened(service, operation, request, seconds) as response:
                failed = response.status >= 500  # noqa: PLR2004 - HTTP's
                (self._breaker.failed if failed else self._breaker.succeeded)(service.host)
                judged = True
                yield response
        except OutboundError as error:
            self._breaker.failed(service.host)
            judged = True
            raise ServiceFailed(str(error.reason)) from error
        finally:
            if not judged:
                self._breaker.left(service.host)

    @asynccontextmanager
    async def _opened(
        self, service: ServicePlan, operation: Operation, request: CallRequest, seconds: float
    ) -> AsyncIterator[OutboundResponse]:
        """Open a call; a GET of whose answer nothing came is tried once more."""
        asked = _outbound(service, operation, request, seconds)
        call = self._outbound.call(asked)
        try:
            response = await call.__aenter__()
        except OutboundError as error:
            if request.method != "GET" or error.reason not in AGAIN:
                raise
            call = self._outbound.call(asked)
            response = await call.__aenter__()
        async with _entered(call):
            yield response

    async def _pieces(self, response: OutboundResponse) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.chunks(OPAQUE_BYTES_MAX):
                yield chunk
        except OutboundError as error:
            raise ServiceFailed(str(error.reason)) from error


@asynccontextmanager
async def _entered(
    call: AbstractAsyncContextManager[OutboundResponse],
) -> AsyncIterator[None]:
    """Leave a call that was entered already, however the block ends."""
    try:
        yield
    except BaseException as error:
        if not await call.__aexit__(type(error), error, error.__traceback__):
            raise
    else:
        await call.__aexit__(None, None, None)


def _outbound(
    service: ServicePlan, operation: Operation, request: CallRequest, seconds: float
) -> OutboundRequest:
    sent = [
        (name, value.decode("latin-1"))
        for name in SENT_ON
        if (value := request.headers.get(name.encode())) is not None
    ]
    timeouts = service.timeouts
    return OutboundRequest(
        operation.method,
        url_of(service.base_url, operation, request.query),
        service.networks,
        (*sent, *service.header),
        request.body or None,
        Deadlines(timeouts.connect, timeouts.first_byte, timeouts.idle, seconds),
    )


def _exhausted(reservation: Reservation) -> QuotaExhausted:
    """Return the refusal of an answer of which only a part would be within the quota."""
    left = reservation.left + reservation.records
    return QuotaExhausted(Day(reservation.quota or 0, left, seconds_left_of_today()))


def _require_status(response: OutboundResponse, told: Collection[int] = ()) -> None:
    """Raise ServiceFailed for an answer that is neither a success nor the consumer's business."""
    if response.status not in OK and response.status not in told:
        raise ServiceFailed("status", status=response.status)


def _require_opaque(entered: Entered, service: ServicePlan) -> None:
    """Raise OpaqueNotGranted where something of an answer would have to be hidden."""
    view = entered.plan.projection.view(entered.plan.version)
    if entered.plan.grant.row_filter or not view.is_whole or service.grade > OPAQUE_GRADE_MAX:
        raise OpaqueNotGranted


async def _whole(response: OutboundResponse) -> bytes:
    """Return a body that is held; raises ServiceFailed for a coded one, OutboundError."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ServiceFailed("coding")
    return await response.read(RECORDS_BYTES_MAX)


def _headers(response: OutboundResponse) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name in HANDED_ON
        if (value := response.headers.get(name)) is not None and value.isprintable()
    ]
