"""Proposing, agreeing to, ending and using delegations (Order 809 Art 36)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import DateTime, literal
from sqlmodel import col, or_, select, update

from auth import directory, positions
from auth.delegations.powers import READ, needed
from auth.delegations.states import (
    ALLOWED_ROLES,
    Action,
    Party,
    Power,
    State,
    actions,
    current,
    next_state,
)
from auth.errors import NotDelegated
from auth.events import AuthEvent
from auth.principal import Principal, Role
from auth.tables import Delegation, Department
from kernel import audit, awaited, outbox
from kernel.awaited import Awaited, Columns
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors, NotFound
from kernel.ids import new_id
from kernel.paging import Page, PageRequest
from kernel.workdays import local_date

__all__ = [
    "Delegation",
    "Terms",
    "acting_for",
    "allowed",
    "consent",
    "end",
    "find",
    "page",
    "powers_of",
]

YEARS_MAX: Final = timedelta(days=3 * 366)
DELEGATED: Final = frozenset({Role.CLERK, Role.HEAD})
SUBJECT = "delegation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Both days are inclusive."""

    to: str
    powers: Collection[Power]
    from_: date
    until: date


async def propose(
    session: WriteSession, principal: Principal, terms: Terms, *, now: datetime
) -> Delegation:
    """Ask another department to act for one's own, as its head; raises Invalid, Conflict."""
    principal.require_role(Role.HEAD)
    await _check(session, principal, terms, now)
    row = Delegation(
        id=new_id(),
        status=State.PROPOSED,
        department=principal.department,
        delegate=terms.to,
        powers=sorted(set(terms.powers)),
        valid_from=terms.from_,
        valid_until=terms.until,
        proposed_by=principal.id,
        proposed_at=now,
    )
    session.add(row)
    await session.flush()
    _tell(session, principal, row, AuthEvent.DELEGATION_PROPOSED)
    return row


async def _check(session: ReadSession, principal: Principal, terms: Terms, now: datetime) -> None:
    if principal.delegate is not None:
        raise NotDelegated
    errors = FieldErrors()
    if terms.to == principal.department:
        errors.add("to", "not_allowed", "不能委托给本部门", "is your own department")
    elif terms.to not in await directory.active_regions(session, {terms.to}):
        errors.add("to", "not_found", "没有这个在用部门", "is no active department")
    if not max(terms.from_, local_date(now)) <= terms.until <= terms.from_ + YEARS_MAX:
        errors.add(
            "until",
            "out_of_range",
            "不得早于首日或今日，期限最长三年",
            "is before the first day or today, or more than three years after it",
        )
    errors.raise_if_any()


async def consent(
    session: WriteSession, principal: Principal, delegation_id: str, *, now: datetime
) -> Delegation:
    """Agree to act for the other department, as the delegate's head."""
    changes = {"consented_by": principal.id, "consented_at": now}
    event = AuthEvent.DELEGATION_CONSENTED
    return await _step(session, principal, delegation_id, Action.CONSENT, changes, event, now)


async def end(
    session: WriteSession, principal: Principal, delegation_id: str, *, now: datetime
) -> Delegation:
    """End it at once, as the head of either department."""
    changes = {"ended_by": principal.id, "ended_at": now}
    event = AuthEvent.DELEGATION_ENDED
    return await _step(session, principal, delegation_id, Action.END, changes, event, now)


async def _step(
    session: WriteSession,
    principal: Principal,
    delegation_id: str,
    action: Action,
    changes: dict[str, Any],
    event: AuthEvent,
    now: datetime,
) -> Delegation:
    query = select(Delegation).where(col(Delegation.id) == delegation_id)
    fresh = query.with_for_update().execution_options(populate_existing=True)
    row = (await session.exec(fresh)).first()
    if row is None:
        raise NotFound
    authorize(principal, row, action)
    to = next_state(state_of(row, local_date(now)), action)
    statement = (
        update(Delegation)
        .where(col(Delegation.id) == row.id, col(Delegation.status) == row.status)
        .values(status=to, revision=row.revision + 1, **changes)
        .returning(Delegation)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    moved = (await session.scalars(statement)).one_or_none()
    if moved is None:
        raise Conflict
    _tell(session, principal, moved, event)
    return moved


def _tell(session: WriteSession, principal: Principal, row: Delegation, event: AuthEvent) -> None:
    facts = row.model_dump(
        mode="json", include={"department", "delegate", "powers", "valid_from", "valid_until"}
    )
    audit.record(session, principal.actor, event, SUBJECT, row.id, **facts)
    outbox.add(session, event, row.id, {"id": row.id, "status": row.status, **facts})


def parties(principal: Principal, row: Delegation) -> frozenset[Party]:
    held = set()
    if principal.department == row.department:
        held.add(Party.DEPARTMENT)
    if principal.department == row.delegate:
        held.add(Party.DELEGATE)
    return frozenset(held)


def authorize(principal: Principal, row: Delegation, action: Action) -> None:
    """Raise NotFound for outsiders, RoleRequired or NotYourDepartment for the others."""
    if not parties(principal, row):
        raise NotFound
    positions.require(principal, parties(principal, row), ALLOWED_ROLES[action])


def state_of(row: Delegation, today: date) -> State:
    return current(State(row.status), row.valid_until, today)


def allowed(principal: Principal, row: Delegation, today: date) -> list[Action]:
    """Return what the caller may do with it now."""
    steps, held = actions(state_of(row, today)), parties(principal, row)
    return [each for each in steps if positions.may(principal, held, ALLOWED_ROLES[each])]


async def find(session: ReadSession, principal: Principal, delegation_id: str) -> Delegation:
    """Raise NotFound unless the caller is of one of the two departments."""
    row = await session.get(Delegation, delegation_id)
    if row is None or not parties(principal, row):
        raise NotFound
    return row


async def page(
    session: ReadSession, principal: Principal, request: PageRequest
) -> Page[Delegation]:
    mine = principal.department
    query = select(Delegation).where(
        or_(col(Delegation.department) == mine, col(Delegation.delegate) == mine)
    )
    rows = (await session.exec(request.apply(query, Delegation.id))).all()
    return request.page(rows, "id")


async def tasks(
    session: ReadSession, principal: Principal, request: PageRequest, today: date
) -> Sequence[Awaited]:
    """Return the first delegations that wait for the caller's consent."""
    if Role.HEAD not in principal.roles:
        return []
    waits = (
        (col(Delegation.delegate) == principal.department)
        & (col(Delegation.status) == State.PROPOSED)
        & (col(Delegation.valid_until) >= today)
    )
    columns = Columns(
        id=col(Delegation.id),
        department=col(Delegation.department),
        due_at=literal(None, DateTime(timezone=True)),
    )
    query = awaited.query(SUBJECT, columns, [(Action.CONSENT, waits)], request)
    return awaited.rows((await session.exec(query)).all(), columns)


async def acting_for(
    session: ReadSession, principal: Principal, department: str, operation: str, *, now: datetime
) -> Principal:
    """Return the caller as it acts for another department; raises NotDelegated.

    Looked up for every request: a delegation that was ended holds no longer. Reading what is to
    be acted on needs any power, an act the power of its operation.
    """
    powers, region = await powers_of(session, principal, department, now=now)
    reads = operation.startswith(f"{READ} ")
    if not (powers if reads else needed(operation) in powers):
        raise NotDelegated
    return replace(
        principal,
        department=department,
        region_code=region,
        is_authority=False,
        roles=principal.roles & DELEGATED,
        delegate=principal.department,
        powers=powers,
    )


async def powers_of(
    session: ReadSession, principal: Principal, department: str, *, now: datetime
) -> tuple[frozenset[str], str]:
    """Return what a person may do for another department at this moment, and its division."""
    today = local_date(now)
    query = select(Delegation.powers, Department.region_code).join(
        Department, col(Department.uscc) == col(Delegation.department)
    )
    active = query.where(
        col(Delegation.delegate) == principal.department,
        col(Delegation.department) == department,
        col(Delegation.status) == State.ACTIVE,
        col(Delegation.valid_from) <= today,
        col(Delegation.valid_until) >= today,
        col(Department.status) == "active",
    )
    rows = (await session.exec(active)).all() if principal.kind == "person" else ()
    region = rows[0][1] if rows else ""
    return frozenset(power for held, _region in rows for power in held), region
