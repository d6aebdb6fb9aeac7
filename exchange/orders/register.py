"""Reading orders: one, its history, and lists of what the caller may see."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from auth import positions
from auth.duties import administers
from auth.principal import Principal, Role
from exchange import store as moving
from exchange.orders import store
from exchange.orders.states import ALLOWED_ROLES, Action, Party, State, actions
from exchange.orders.tables import Order, OrderHistory
from exchange.parties import oversees, stands_over
from exchange.violations.tables import Violation
from kernel.database import ReadSession
from kernel.errors import NotFound
from kernel.paging import Page, PageRequest
from kernel.workdays import local_date

__all__ = [
    "Order",
    "OrderHistory",
    "Violation",
    "allowed",
    "authorize",
    "find",
    "history",
    "is_overdue",
    "orders_of",
    "page",
    "possible",
    "violations",
]


def parties(principal: Principal, order: Order) -> frozenset[Party]:
    held = set()
    if principal.department == order.department:
        held.add(Party.DEPARTMENT)
    over = oversees(principal) and stands_over(principal.region_code, order.region_code)
    # No authority closes what it was ordered to do.
    if over and principal.department != order.department:
        held.add(Party.AUTHORITY)
    return frozenset(held)


def require_visible(principal: Principal, order: Order) -> None:
    """Raise NotFound for outsiders; an auditor reads the orders of its division."""
    inside = administers(principal.region_code, order.region_code)
    if not (Role.AUDITOR in principal.roles and inside) and not parties(principal, order):
        raise NotFound


def authorize(principal: Principal, order: Order, action: Action) -> None:
    """Raise NotFound for outsiders, RoleRequired or NotYourDepartment for the others."""
    require_visible(principal, order)
    positions.require(principal, parties(principal, order), ALLOWED_ROLES[action])


async def find(session: ReadSession, principal: Principal, order_id: str) -> Order:
    """Raise NotFound unless it is the caller's department's, or of one that it oversees."""
    order = await moving.get(session, Order, order_id)
    require_visible(principal, order)
    return order


async def history(session: ReadSession, order_id: str) -> Sequence[OrderHistory]:
    return await store.history(session, order_id)


async def violations(
    session: ReadSession, orders: Sequence[Order]
) -> Mapping[str, Sequence[Violation]]:
    """Return what orders are about, by their ids."""
    return await store.violations(session, [order.id for order in orders])


async def orders_of(session: ReadSession, violation_ids: Sequence[str]) -> Mapping[str, str]:
    return await store.orders_of(session, violation_ids)


async def page(
    session: ReadSession,
    principal: Principal,
    request: PageRequest,
    *,
    now: datetime,
    party: Party | None = None,
    status: State | None = None,
    overdue: bool = False,
) -> Page[Order]:
    """Return the caller's orders, those of one party when it is named; RoleRequired."""
    overdue_on = local_date(now) if overdue else None
    return await store.page(session, _seen(principal, party), status, overdue_on, request)


def _seen(principal: Principal, party: Party | None) -> Mapping[Party, str]:
    if party is Party.AUTHORITY:
        if Role.AUDITOR not in principal.roles:
            principal.require_authority(principal.region_code)
        return {party: principal.region_code}
    own = {Party.DEPARTMENT: principal.department}
    over = oversees(principal) or Role.AUDITOR in principal.roles
    if party is Party.DEPARTMENT or not over:
        return own
    return own | {Party.AUTHORITY: principal.region_code}


def possible(order: Order) -> Sequence[Action]:
    """Return what may be done with it now, by whoever has the role."""
    return actions(State(order.status))


def allowed(principal: Principal, order: Order) -> list[Action]:
    """Return what the caller may do with it now."""
    held = parties(principal, order)
    return [each for each in possible(order) if positions.may(principal, held, ALLOWED_ROLES[each])]


def is_overdue(order: Order, today: date) -> bool:
    return order.status == State.OPEN and order.due_on < today
