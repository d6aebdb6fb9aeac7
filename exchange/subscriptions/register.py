"""Reading subscriptions: one, its history, and lists of what the caller may see."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from auth.principal import Principal, Role
from exchange import store as moving
from exchange.parties import Side, may, oversees, require_visible
from exchange.subscriptions import store
from exchange.subscriptions.states import ALLOWED_ROLES, Action, State, actions, current
from exchange.subscriptions.tables import Subscription, SubscriptionHistory
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest
from kernel.workdays import local_date

__all__ = [
    "Subscription",
    "SubscriptionHistory",
    "allowed",
    "find",
    "history",
    "page",
    "possible",
    "seen_sides",
    "status_at",
]


async def find(session: ReadSession, principal: Principal, subscription_id: str) -> Subscription:
    """Raise NotFound unless the caller is a party, the authority or an auditor."""
    subscription = await moving.get(session, Subscription, subscription_id)
    require_visible(principal, subscription)
    return subscription


async def history(session: ReadSession, subscription_id: str) -> Sequence[SubscriptionHistory]:
    return await store.history(session, subscription_id)


async def page(  # noqa: PLR0913 - one list with its filters
    session: ReadSession,
    principal: Principal,
    request: PageRequest,
    *,
    now: datetime,
    side: Side | None = None,
    status: State | None = None,
    client_id: str | None = None,
    resource_id: str | None = None,
) -> Page[Subscription]:
    """Return the caller's subscriptions, those of one side when it is named."""
    seen = seen_sides(principal, side)
    return await store.page(session, seen, status, client_id, resource_id, local_date(now), request)


def seen_sides(principal: Principal, side: Side | None) -> Mapping[Side, str]:
    """Return side → department or division that a list is made of.

    An auditor reads what the authority of the own division reads.
    Raises RoleRequired when the caller asks for the authority's list without being either.
    """
    if side is Side.AUTHORITY:
        if Role.AUDITOR not in principal.roles:
            principal.require_authority(principal.region_code)
        return {side: principal.region_code}
    if side is not None:
        return {side: principal.department}
    own = {Side.CONSUMER: principal.department, Side.PROVIDER: principal.department}
    over = oversees(principal) or Role.AUDITOR in principal.roles
    return own | ({Side.AUTHORITY: principal.region_code} if over else {})


def status_at(subscription: Subscription, now: datetime) -> State:
    return current(State(subscription.status), subscription.valid_until, now)


def possible(subscription: Subscription, now: datetime) -> Sequence[Action]:
    """Return what may be done with it now, by whoever has the role."""
    return actions(status_at(subscription, now))


def allowed(principal: Principal, subscription: Subscription, now: datetime) -> list[Action]:
    """Return what the caller may do with it now."""
    possible_actions = possible(subscription, now)
    return [a for a in possible_actions if may(principal, subscription, ALLOWED_ROLES[a])]
