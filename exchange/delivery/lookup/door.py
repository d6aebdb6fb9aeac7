"""What every answer from the latest state passes: grant, quota, admission, counts (P3)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from auth.principal import Principal
from exchange.delivery import admission
from exchange.delivery.admission import Admission, Caller, again_while_rules_change
from exchange.delivery.errors import Day
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.delivery.pull import Meters
from exchange.delivery.quota_days import day_of, require_left
from exchange.metering.evidence.trails import Delivered, RowTake
from exchange.metering.ledger.digests import NewPage, of_body
from exchange.metering.quota import Reservation
from kernel import clock
from kernel.changes import ChangeFeed
from kernel.workdays import local_date

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Answer:
    """What leaves: asked of `admission` in the turn in which it does, then told to `settle`.

    `settle` takes whether any of it was handed on; `day` needs a quota.
    """

    body: bytes
    admission: Callable[[], None]
    day: Day | None = None
    settle: Callable[[bool], None] | None = None
    # How the delivery ledger lists it, where the grant has one.
    listed: NewPage | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """A caller that may have something of a plan, and how that is asked again."""

    principal: Principal
    plan: GrantPlan
    admission: Admission


class Door:
    """One worker's way to grants, for modes that answer from the latest state."""

    def __init__(
        self,
        plans: GrantPlans,
        changes: ChangeFeed,
        meters: Meters,
    ) -> None:
        self._plans = plans
        self._changes = changes
        self._departures = meters.departures
        self._quotas = meters.quotas
        self._counts = meters.counts
        self._ledger = meters.ledger

    async def require(self, principal: Principal, subscription_id: str, mode: str) -> GrantPlan:
        """Return the plan when something may leave by the mode; NotFound, 403s, RulesChanged."""
        return await admission.plan_for(
            self._plans, self._changes, principal, subscription_id, mode
        )

    async def through(
        self,
        caller: Caller,
        subscription_id: str,
        mode: str,
        work: Callable[[Entered], Awaitable[Result]],
    ) -> Result:
        """Do the work for a caller, again where a rule changed meanwhile.

        Raises 401 and 403 errors, NotFound, RulesChanged, and what the work raises.
        """

        async def attempt() -> Result:
            principal = await caller.confirm()
            plan = await self.require(principal, subscription_id, mode)
            admitted = Admission(
                caller.known, plan, mode, self._plans, self._changes, self._departures
            )
            return await work(Entered(principal, plan, admitted))

        return await again_while_rules_change(attempt)

    def forget(self, plan: GrantPlan) -> None:
        """Let the plan be loaded anew, with the versions that there are."""
        self._plans.drop_resource(plan.grant.resource_id)

    async def reserve(self, plan: GrantPlan, units: int) -> Reservation | None:
        """Reserve units of the day's quota, None where there is none; raises QuotaExhausted."""
        if plan.grant.records_per_day is None:
            return None
        reservation = await self._quotas.reserve(plan.grant.id, units)
        require_left(reservation)
        return reservation

    def give_back(self, reservation: Reservation | None, units: int) -> None:
        if reservation is not None:
            self._quotas.give_back(reservation, units)

    def answer(
        self,
        entered: Entered,
        body: bytes,
        reservation: Reservation | None,
        records: int,
        takes: list[RowTake],
        listed: NewPage | None = None,
    ) -> Answer:
        """Count what leaves with its evidence, and return it.

        So many records are charged once it is handed on.
        """
        grant, reserved = entered.plan.grant, reservation is not None
        self._counts.read(
            entered.principal,
            Delivered(
                grant.id, grant.revision, entered.plan.version, records, len(body), takes, reserved
            ),
        )
        if reservation is None and listed is None:
            return Answer(body, entered.admission)
        settle = partial(self._settle, reservation, listed, records)
        if reservation is None:
            return Answer(body, entered.admission, None, settle, listed)
        unused = reservation.records - records
        self.give_back(reservation, unused)
        return Answer(body, entered.admission, day_of(reservation, unused), settle, listed)

    def _settle(
        self,
        reservation: Reservation | None,
        listed: NewPage | None,
        records: int,
        handed_on: bool,  # noqa: FBT001 - a callback
    ) -> None:
        if not handed_on:
            self.give_back(reservation, records)
            if listed is not None:
                self._ledger.withdraw(listed)

    async def listed(self, entered: Entered, body: bytes, records: int) -> NewPage | None:
        """Write an answer with records down where the grant has a ledger; then admit it again.

        Raises Unavailable, and what keeps it from leaving meanwhile.
        """
        grant = entered.plan.grant
        if not (grant.ledger and records):
            return None
        facts = of_body(body, records)
        page = await self._ledger.add(grant.id, local_date(clock.now()), facts)
        try:
            entered.admission()
        except BaseException:
            self._ledger.withdraw(page)
            raise
        return page
