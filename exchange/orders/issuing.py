"""Ordering a department to remedy violations by a day (督办, Order 809 Art 38–41)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from auth import directory
from auth.errors import NotYourDepartment
from auth.principal import Principal, Role
from exchange.events import ExchangeEvent
from exchange.orders import store
from exchange.orders.moves import message
from exchange.orders.states import State
from exchange.orders.tables import Order, OrderViolation
from exchange.parties import stands_over
from exchange.violations import recording
from exchange.violations import store as violations
from exchange.violations.recording import Failure
from exchange.violations.types import Type
from kernel import audit, outbox
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors
from kernel.ids import new_id
from kernel.workdays import local_date

EVENT: Final = ExchangeEvent.ORDER_ISSUED
DUE_MAX: Final = timedelta(days=2 * 366)
TYPES: Final = tuple(map(str, Type))


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded:
    """`violations` are ids of recorded ones, or types of those that the authority has found."""

    department: str
    violations: Sequence[str]
    text: str
    due_on: date


async def issue(
    session: WriteSession, principal: Principal, demanded: Demanded, *, now: datetime
) -> Order:
    """Issue an order to a department of the authority's division.

    Raises RoleRequired, NotYourDepartment, Conflict with oneself, Invalid.
    """
    region_code = await _region(session, principal, demanded.department)
    named = await _check(session, demanded, now)
    order = await _add(session, principal, demanded, region_code, now)
    found = [each for each in demanded.violations if each in TYPES]
    recorded = [await _found(session, order, Type(each), now) for each in found]
    for violation_id in (*named, *recorded):
        session.add(OrderViolation(order_id=order.id, violation_id=violation_id))
    await session.flush()
    facts = {"violations": list(demanded.violations), "due_on": str(demanded.due_on)}
    facts["text"] = demanded.text
    step = (None, State.OPEN)
    store.add_history(session, order.id, "issue", step, principal.actor, now, facts)
    audit.record(session, principal.actor, EVENT, "order", order.id, **facts)
    outbox.add(session, EVENT, order.id, message(order))
    return order


async def _region(session: ReadSession, principal: Principal, uscc: str) -> str:
    principal.require_role(Role.AUTHORITY)
    regions = await directory.active_regions(session, {uscc})
    if uscc not in regions:
        errors = FieldErrors()
        errors.add("department", "not_found", "没有这个在用部门", "is no active department")
        errors.raise_if_any()
    if not (principal.is_authority and stands_over(principal.region_code, regions[uscc])):
        raise NotYourDepartment
    if uscc == principal.department:
        raise Conflict("不能督办本部门", "An authority does not order itself")
    return regions[uscc]


async def _check(session: ReadSession, demanded: Demanded, now: datetime) -> list[str]:
    """Return the ids of recorded violations; raises Invalid for what is none of the department."""
    ids = [each for each in demanded.violations if each not in TYPES]
    rows = await violations.several(session, ids) if ids else []
    known = {row.id for row in rows if row.department == demanded.department}
    errors, seen = FieldErrors(), set[str]()
    for index, each in enumerate(demanded.violations):
        path = f"violations[{index}]"
        if each in seen:
            errors.add(path, "duplicate", "已经列出", "is listed already")
        elif each not in TYPES and each not in known:
            errors.add(
                path,
                "not_in_code_list",
                "不是该部门已记录的违规，也不是违规类型",
                "is neither a recorded violation of the department nor a type",
                allowed=TYPES,
            )
        seen.add(each)
    today = local_date(now)
    if not today <= demanded.due_on <= today + DUE_MAX:
        errors.add("due_on", "out_of_range", "应在今日起两年内", "is not within the next two years")
    errors.raise_if_any()
    return ids


async def _add(
    session: WriteSession,
    principal: Principal,
    demanded: Demanded,
    region_code: str,
    now: datetime,
) -> Order:
    order = Order(
        id=new_id(),
        status=State.OPEN,
        department=demanded.department,
        region_code=region_code,
        authority_department=principal.department,
        text=demanded.text,
        due_on=demanded.due_on,
        issued_by=principal.id,
        issued_at=now,
    )
    session.add(order)
    await session.flush()
    return order


async def _found(session: WriteSession, order: Order, type_: Type, now: datetime) -> str:
    """Keep a violation that the authority has found; the order is what it is told by."""
    failure = Failure(
        type=type_,
        department=order.department,
        region_code=order.region_code,
        thing="order",
        thing_id=order.id,
        occurred_at=now,
    )
    violation_id = await recording.record(session, failure)
    assert violation_id is not None  # noqa: S101 - the order is new
    return violation_id
