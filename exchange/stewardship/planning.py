"""Mergers and moves of departments are planned by the operator, for today or later.

The worker carries them out on their day (`carrying.py`); until then they can be cancelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from auth import departments, duties, handover
from auth.departments import NewDepartment
from auth.duties import Operation
from auth.handover import ABOLISHED
from auth.principal import Principal
from auth.regions import checking
from auth.regions.codes import canonical
from catalog.handover import Seat
from exchange.events import ExchangeEvent
from exchange.stewardship import store
from exchange.stewardship.effects import Effects, survey
from exchange.stewardship.tables import DepartmentChange
from kernel import audit
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors, IllegalTransition, NotFound
from kernel.ids import new_id
from kernel.paging import Page, PageRequest
from kernel.workdays import local_date

__all__ = ["Change", "DepartmentChange", "cancel", "dry_run", "page", "plan", "require_unplanned"]

EVENTS: Final[Mapping[str, ExchangeEvent]] = {
    "merge": ExchangeEvent.MERGER_PLANNED,
    "move": ExchangeEvent.MOVE_PLANNED,
}
SUBJECT = "department"


@dataclass(frozen=True, slots=True)
class Change:
    """A merger into `successor`, or a move to `region_code`: one of them is given."""

    department: str
    on: date
    basis: str
    successor: str | None = None
    region_code: str | None = None

    @property
    def kind(self) -> str:
        return "move" if self.successor is None else "merge"


async def plan(
    session: WriteSession, principal: Principal, change: Change, *, now: datetime
) -> DepartmentChange:
    """Plan the change; raises NotFound, 403 errors, Invalid, and Conflict as `_seat` says."""
    await _seat(session, principal, change, now)
    row = DepartmentChange(
        id=new_id(),
        kind=change.kind,
        department=change.department,
        successor=change.successor,
        region_code=None if change.region_code is None else canonical(change.region_code),
        on_day=change.on,
        basis=change.basis,
        status=store.PLANNED,
        requested_by=principal.id,
        requested_at=now,
    )
    if not await store.add(session, row):
        raise _moving()
    facts = {"successor": row.successor, "region_code": row.region_code, "on": change.on}
    facts = {name: value for name, value in facts.items() if value is not None}
    event = EVENTS[change.kind]
    audit.record(
        session, principal.actor, event, SUBJECT, change.department, basis=change.basis, **facts
    )
    return row


async def dry_run(
    session: WriteSession, principal: Principal, change: Change, *, now: datetime
) -> Effects:
    """Return what the change would do today; raises what `plan` raises."""
    return await survey(session, change.department, await _seat(session, principal, change, now))


async def _seat(session: WriteSession, principal: Principal, change: Change, now: datetime) -> Seat:
    """Check a change and return where it leads; both departments are locked.

    Raises Conflict for a department that is abolished or has a plan, on either side, and for a
    merger into itself: so of two that would make a circle one is refused.
    """
    duties.require_role(principal, Operation.MANAGE_DEPARTMENT)
    named = [change.department, *([change.successor] if change.successor else [])]
    rows = await handover.lock(session, *named)
    department = rows.get(change.department)
    if department is None:
        raise NotFound
    duties.require(principal, Operation.MANAGE_DEPARTMENT, department)
    _check(change, set(rows), local_date(now))
    target = rows.get(change.successor or "")
    region = target.region_code if target is not None else canonical(change.region_code or "")
    seat = Seat(change.successor or change.department, region)
    there = NewDepartment(seat.department, "", seat.region_code)
    duties.require(principal, Operation.MANAGE_DEPARTMENT, there)
    if change.successor == change.department:
        raise Conflict("部门不能并入自身", "A department cannot be merged into itself")
    if any(row.status == ABOLISHED for row in rows.values()):
        raise Conflict(
            "部门已撤销，不能合并或调整", "An abolished department is neither merged nor moved"
        )
    if await store.planned_of(session, *named):
        raise _moving()
    return seat


def _check(change: Change, known: set[str], today: date) -> None:
    errors = FieldErrors()
    if change.on < today:
        errors.add("on", "out_of_range", "不能早于今天", "must be today or later")
    if change.successor is not None and change.successor not in known:
        errors.add("uscc", "not_in_code_list", "部门未登记", "is not a registered department")
    if change.region_code is not None:
        checking.check(change.region_code, errors)
    errors.raise_if_any()


def _moving() -> Conflict:
    return Conflict(
        "部门已有计划中的合并或调整，请先取消",
        "A merger or move is planned already: cancel it first",
    )


async def require_unplanned(session: ReadSession, uscc: str) -> None:
    """Raise Conflict where the department waits for a merger or a move."""
    if await store.planned_of(session, uscc):
        raise _moving()


async def cancel(
    session: WriteSession,
    principal: Principal,
    uscc: str,
    change_id: str,
    *,
    reason: str,
    now: datetime,
) -> DepartmentChange:
    """Give a plan up before its day; raises NotFound, 403 errors, IllegalTransition."""
    duties.require_role(principal, Operation.MANAGE_DEPARTMENT)
    department = await departments.load(session, uscc)
    duties.require(principal, Operation.MANAGE_DEPARTMENT, department)
    row = await session.get(DepartmentChange, change_id)
    if row is None or row.department != uscc:
        raise NotFound
    values: dict[str, Any] = {"status": "cancelled", "finished_at": now, "problem": reason}
    if not await store.write(session, change_id, store.PLANNED, **values):
        await session.refresh(row)
        raise IllegalTransition(state=row.status, allowed=[])
    audit.record(
        session,
        principal.actor,
        ExchangeEvent.DEPARTMENT_CHANGE_CANCELLED,
        SUBJECT,
        uscc,
        change=change_id,
        reason=reason,
    )
    await session.refresh(row)
    return row


async def page(session: ReadSession, uscc: str, request: PageRequest) -> Page[DepartmentChange]:
    """Return the changes of a department and those into it, the oldest first; NotFound."""
    await departments.load(session, uscc)
    return await store.page(session, uscc, request)
