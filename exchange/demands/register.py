"""Reading demands: one, its history, and lists of what the caller may see."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from auth import positions
from auth.duties import administers
from auth.principal import Principal, Role
from auth.regions.tree import covers
from exchange import store as moving
from exchange.demands import store
from exchange.demands.states import ALLOWED_ROLES, Action, Party, State, actions
from exchange.demands.tables import Demand, DemandHistory
from exchange.parties import oversees
from kernel.database import ReadSession
from kernel.errors import NotFound
from kernel.paging import Page, PageRequest
from kernel.workdays import local_date

__all__ = [
    "Demand",
    "DemandHistory",
    "allowed",
    "authorize",
    "find",
    "followed",
    "history",
    "is_overdue",
    "page",
    "possible",
]


def parties(principal: Principal, demand: Demand) -> frozenset[Party]:
    """Return where the caller stands; a draft is its own department's alone."""
    held = set()
    if principal.department == demand.department:
        held.add(Party.DEMANDER)
    if principal.department == demand.assigned_department:
        held.add(Party.ASSIGNED)
    if demand.submitted_at is not None and _over(principal, demand):
        held.add(Party.AUTHORITY)
    return frozenset(held)


def _over(principal: Principal, demand: Demand) -> bool:
    return oversees(principal) and covers(principal.region_code, demand.region_code)


def require_visible(principal: Principal, demand: Demand) -> None:
    """Raise NotFound for outsiders; an auditor reads what was submitted in its division."""
    audits = Role.AUDITOR in principal.roles and demand.submitted_at is not None
    if audits and administers(principal.region_code, demand.region_code):
        return
    if not parties(principal, demand):
        raise NotFound


def authorize(principal: Principal, demand: Demand, action: Action) -> None:
    """Raise NotFound for outsiders, RoleRequired or NotYourDepartment for the others."""
    require_visible(principal, demand)
    positions.require(principal, parties(principal, demand), ALLOWED_ROLES[action])


async def find(session: ReadSession, principal: Principal, demand_id: str) -> Demand:
    """Raise NotFound unless the caller is a party, an authority above or its auditor."""
    demand = await moving.get(session, Demand, demand_id)
    require_visible(principal, demand)
    return demand


async def history(session: ReadSession, demand_id: str) -> Sequence[DemandHistory]:
    return await store.history(session, demand_id)


async def followed(session: ReadSession, demands: Sequence[Demand]) -> Mapping[str, Demand]:
    """Return the demands that these were merged into, by their ids."""
    ids = sorted({row.merged_into for row in demands if row.merged_into is not None})
    return await store.several(session, ids)


async def page(
    session: ReadSession,
    principal: Principal,
    request: PageRequest,
    *,
    now: datetime,
    party: Party | None = None,
    status: State | None = None,
    overdue: bool = False,
) -> Page[Demand]:
    """Return the caller's demands, those of one party when it is named; RoleRequired."""
    seen = _seen(principal, party)
    overdue_on = local_date(now) if overdue else None
    return await store.page(session, seen, status, overdue_on, request)


def _seen(principal: Principal, party: Party | None) -> Mapping[Party, str]:
    if party is Party.AUTHORITY:
        if Role.AUDITOR not in principal.roles:
            principal.require_authority(principal.region_code)
        return {party: principal.region_code}
    if party is not None:
        return {party: principal.department}
    own = {Party.DEMANDER: principal.department, Party.ASSIGNED: principal.department}
    over = oversees(principal) or Role.AUDITOR in principal.roles
    return own | ({Party.AUTHORITY: principal.region_code} if over else {})


def possible(demand: Demand) -> Sequence[Action]:
    """Return what may be done with it now, by whoever has the role."""
    return actions(State(demand.status))


def allowed(principal: Principal, demand: Demand) -> list[Action]:
    """Return what the caller may do with it now."""
    held = parties(principal, demand)
    return [
        each for each in possible(demand) if positions.may(principal, held, ALLOWED_ROLES[each])
    ]


def is_overdue(demand: Demand, today: date) -> bool:
    """Whether the day on which its department meant to supply has passed."""
    planned = demand.planned_on
    return demand.status == State.ACCEPTED and planned is not None and planned < today
