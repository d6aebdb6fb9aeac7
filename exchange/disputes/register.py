"""Reading disputes: one, its history, and lists of what the caller may see."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from auth import positions
from auth.principal import Principal, Role
from exchange import store as moving
from exchange.disputes import store
from exchange.disputes.levels import above
from exchange.disputes.states import (
    ALLOWED_ROLES,
    Action,
    Kind,
    Party,
    State,
    actions,
    current,
)
from exchange.disputes.tables import Dispute, DisputeHistory
from kernel.database import ReadSession
from kernel.errors import NotFound
from kernel.paging import Page, PageRequest

__all__ = [
    "Dispute",
    "DisputeHistory",
    "allowed",
    "find",
    "history",
    "own_open",
    "page",
    "possible",
    "status_at",
]


def parties(principal: Principal, dispute: Dispute) -> frozenset[Party]:
    """Return where the caller stands; whether its authority is the lowest one is asked later."""
    held = set()
    if principal.department == dispute.claimant_department:
        held.add(Party.CLAIMANT)
    if principal.department == dispute.respondent_department:
        held.add(Party.RESPONDENT)
    if Role.AUTHORITY in principal.roles and principal.is_authority and _over(principal, dispute):
        held.add(Party.AUTHORITY)
    return frozenset(held)


def _over(principal: Principal, dispute: Dispute) -> bool:
    regions = (dispute.claimant_region, dispute.respondent_region)
    return all(above(principal.region_code, region) for region in regions)


def require_visible(principal: Principal, dispute: Dispute) -> None:
    """Raise NotFound for outsiders; an auditor reads what the authority of its division reads."""
    audits = Role.AUDITOR in principal.roles and _over(principal, dispute)
    if not (audits or parties(principal, dispute)):
        raise NotFound


async def find(session: ReadSession, principal: Principal, dispute_id: str) -> Dispute:
    """Raise NotFound unless the caller is a party, an authority above both or its auditor."""
    dispute = await moving.get(session, Dispute, dispute_id)
    require_visible(principal, dispute)
    return dispute


async def history(session: ReadSession, dispute_id: str) -> Sequence[DisputeHistory]:
    return await store.history(session, dispute_id)


async def page(
    session: ReadSession,
    principal: Principal,
    request: PageRequest,
    *,
    now: datetime,
    party: Party | None = None,
    status: State | None = None,
    kind: Kind | None = None,
) -> Page[Dispute]:
    """Return the caller's disputes, those of one party when it is named; RoleRequired."""
    return await store.page(session, _seen(principal, party), status, kind, now, request)


async def own_open(
    session: ReadSession, principal: Principal, kind: Kind, about_id: str
) -> str | None:
    """Return the dispute about a thing that the caller's department has open, if there is one."""
    return await store.open_of(session, kind, about_id, principal.department)


def _seen(principal: Principal, party: Party | None) -> Mapping[Party, str]:
    if party is Party.AUTHORITY:
        if Role.AUDITOR not in principal.roles:
            principal.require_authority(principal.region_code)
        return {party: principal.region_code}
    if party is not None:
        return {party: principal.department}
    own = {Party.CLAIMANT: principal.department, Party.RESPONDENT: principal.department}
    oversees = principal.is_authority and Role.AUTHORITY in principal.roles
    over = oversees or Role.AUDITOR in principal.roles
    return own | ({Party.AUTHORITY: principal.region_code} if over else {})


def status_at(dispute: Dispute, now: datetime) -> State:
    return current(State(dispute.status), dispute.appeal_until, now)


def possible(dispute: Dispute, now: datetime) -> Sequence[Action]:
    """Return what may be done with it now, by whoever has the role."""
    return actions(status_at(dispute, now))


def allowed(principal: Principal, dispute: Dispute, now: datetime) -> list[Action]:
    """Return what the caller may do with it now."""
    steps, held = possible(dispute, now), parties(principal, dispute)
    return [each for each in steps if positions.may(principal, held, ALLOWED_ROLES[each])]
