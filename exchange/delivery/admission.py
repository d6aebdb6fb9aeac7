"""Admission: may this leave now? Asked last, in the turn in which bytes are handed on (P3).

Whatever way records leave by, the order is the same: gather, reserve the quota, ask here, hand on,
without an `await` between the last two. What waits for a slow reader asks again.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from auth.principal import Principal, Scope
from exchange.delivery.departures import Departures
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.subscriptions import grants
from exchange.subscriptions.grants import Grant
from kernel import clock
from kernel.changes import ChangeFeed
from kernel.errors import NotFound, Unavailable

# Members of an enum cost ten times as much to name as this does.
RECORDS_READ: Final = Scope.RECORDS_READ
# Rules that change faster than a page can be gathered are a fault, not a reason to try for ever.
ATTEMPTS: Final = 5
Result = TypeVar("Result")


class Caller(Protocol):
    """Who asks for records, as the token says at this moment."""

    async def confirm(self) -> Principal:
        """Return the caller, asking the database if need be; raises 401 and 429 errors."""

    def known(self) -> Principal | None:
        """Return the caller without waiting, None where `confirm` has to ask; raises 401s."""


class RulesChanged(Unavailable):
    """A rule changed since it was looked at, or could not be confirmed: look again."""

    def __init__(self) -> None:
        super().__init__("授权规则正在确认，请稍后重试", "Rules are being confirmed; try again")


async def again_while_rules_change(work: Callable[[], Awaitable[Result]]) -> Result:
    """Return what the work returns, done again where a rule changed before anything left.

    Whoever is refused by the new rule is told so, and whoever is not has its answer. Raises what
    the work raises, and RulesChanged where rules change ATTEMPTS times.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return await work()
        except RulesChanged:
            continue
    return await work()


def check(principal: Principal, grant: Grant, mode: str) -> None:
    """Raise what keeps records of the grant from leaving to this caller at this moment.

    Raises 403 errors, and NotFound to whoever is not the grant's client.
    """
    principal.require_scope(RECORDS_READ)
    if grant.client_id != principal.id:
        raise NotFound
    grants.check_active(grant, clock.now())
    grants.check_mode(grant, mode)


async def plan_for(
    plans: GrantPlans, changes: ChangeFeed, principal: Principal, subscription_id: str, mode: str
) -> GrantPlan:
    """Return the plan when a record may leave to this caller at this moment.

    Raises RulesChanged, and as `check` does.
    """
    if not changes.fresh:
        raise RulesChanged
    principal.require_scope(RECORDS_READ)
    plan = await plans.of(subscription_id, principal.id)
    check(principal, plan.grant, mode)
    return plan


class Admission:
    """The decision about one caller and one grant, taken anew whenever it is called.

    It neither waits nor remembers: at the cost of some look-ups it can be asked for each piece.
    """

    __slots__ = ("_changes", "_checked", "_departures", "_known", "_mode", "_plan", "_plans")

    def __init__(
        self,
        known: Callable[[], Principal | None],
        plan: GrantPlan,
        mode: str,
        plans: GrantPlans,
        changes: ChangeFeed,
        departures: Departures,
    ) -> None:
        self._known = known
        self._plan = plan
        self._mode = mode
        self._plans = plans
        self._changes = changes
        self._departures = departures
        self._checked: Principal | None = None

    def __call__(self) -> None:
        """Return when the next byte may leave in this turn of the loop.

        Raises 401, 403 and 404 errors, and RulesChanged where somebody has to look again.
        """
        principal = self._known()
        if (
            principal is None
            or clock.monotonic() >= self._changes.fresh_until
            or not self._plans.is_current(self._plan)
        ):
            raise RulesChanged
        grant = self._plan.grant
        # Of the same caller and plan only the calendar moves on.
        if principal is not self._checked or clock.now() >= grant.valid_until_moment:
            check(principal, grant, self._mode)
            self._checked = principal
        self._departures.left(grant.id)
