"""Preview: a few records as a subscription shows them, for people of its consumer (P3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from auth.principal import Principal
from exchange.delivery.admission import Caller, RulesChanged
from exchange.delivery.cursor import Position
from exchange.delivery.gathering import (
    SCANNED_MAX,
    Gatherer,
    PlanOutdatedError,
    released,
)
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.delivery.lookup.door import Door, Entered
from exchange.delivery.quota_days import require_left
from exchange.delivery.viewing.representing import PERSON, Representative
from exchange.errors import ModeNotGranted
from exchange.events import ExchangeEvent
from exchange.log.errors import PositionExpiredError
from exchange.metering.quota import Quotas, Reservation
from kernel import audit
from kernel.database import Database
from kernel.errors import NotFound

RECORDS_MAX: Final = 20
# How far back each partition is looked at for newest records that show, further where none do.
WINDOWS: Final = (RECORDS_MAX, 2_000, SCANNED_MAX)
SHOWN_BY: Final = frozenset({"pull", "query", "push", "file", "table"})
"""Modes that hand records on; the others answer questions, and a preview would answer more."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Lines as pull has them; `admission` is asked in the turn in which they leave."""

    lines: Sequence[bytes]
    admission: Callable[[], None]


class Previewer:
    def __init__(
        self,
        database: Database,
        gatherer: Gatherer,
        door: Door,
        plans: GrantPlans,
        quotas: Quotas,
    ) -> None:
        self._database = database
        self._gatherer = gatherer
        self._door = door
        self._plans = plans
        self._quotas = quotas

    async def preview(self, caller: Caller, subscription_id: str, limit: int) -> Preview:
        """Return some of the newest records, charged to the day's quota and audited by name.

        Raises 401 and 403 errors, NotFound, QuotaExhausted, BrokerUnavailable and RulesChanged.
        """
        person = await caller.confirm()
        if person.kind != PERSON:
            raise NotFound
        plan = await self._plans.get(subscription_id)
        representative = Representative(caller, plan)
        await representative.confirm()
        mode = plan.grant.mode
        if mode not in SHOWN_BY:
            raise ModeNotGranted(mode)

        async def work(entered: Entered) -> Preview:
            return await self._preview(person, entered, min(limit, RECORDS_MAX))

        return await self._door.through(representative, subscription_id, mode, work)

    async def _preview(self, person: Principal, entered: Entered, limit: int) -> Preview:
        plan = entered.plan
        reservation = await self._quotas.reserve(plan.grant.id, limit)
        require_left(reservation)
        unused = reservation.records
        try:
            lines = await self._lines(plan, reservation.records)
            await self._record(person, plan, lines)
            entered.admission()
            unused -= len(lines)
        finally:
            self._give_back(reservation, unused)
        return Preview(lines, entered.admission)

    def _give_back(self, reservation: Reservation, records: int) -> None:
        self._quotas.give_back(reservation, records)

    async def _lines(self, plan: GrantPlan, limit: int) -> Sequence[bytes]:
        """Return lines that show, of the newest records that there are."""
        try:
            earliest, ends = await self._gatherer.earliest(plan), await self._gatherer.ends(plan)
            for window in WINDOWS:
                start = tuple(
                    max(first, end - window) for first, end in zip(earliest, ends, strict=True)
                )
                gathering = await self._gatherer.gather(plan, Position(start), limit)
                with released(gathering):
                    if gathering.lines or list(start) == list(earliest):
                        return gathering.lines
        except PlanOutdatedError as error:
            self._door.forget(plan)
            raise RulesChanged from error
        except PositionExpiredError as error:
            raise RulesChanged from error
        return []

    async def _record(self, person: Principal, plan: GrantPlan, lines: Sequence[bytes]) -> None:
        facts = {
            "records": len(lines),
            "bytes": sum(map(len, lines)),
            "revision": plan.grant.revision,
        }
        event = ExchangeEvent.RECORDS_PREVIEWED
        async with self._database.transaction() as session:
            audit.record(session, person.actor, event, "subscription", plan.grant.id, **facts)
