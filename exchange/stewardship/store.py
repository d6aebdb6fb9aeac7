"""SQL of planned changes of departments, and of relations that go to another department."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, or_, select, update

from exchange.applications.states import State as ApplicationState
from exchange.applications.tables import Application
from exchange.stewardship.holdings import FOLLOWING
from exchange.stewardship.tables import DepartmentChange
from exchange.subscriptions.states import LIVE
from exchange.subscriptions.tables import Subscription
from kernel.actor import Actor
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest

PLANNED = "planned"
HANDED_OVER = "hand-over"
OPEN = (
    ApplicationState.DRAFT,
    ApplicationState.SUBMITTED,
    ApplicationState.SUPPLEMENT_REQUESTED,
    ApplicationState.EXTENSION_REQUESTED,
)

# What is not open or live any more is history, and keeps its parties.
_GIVE = """
    WITH given AS (
        UPDATE exchange.{thing} SET
            consumer_department =
                CASE WHEN consumer_department = :old THEN :new ELSE consumer_department END,
            provider_department =
                CASE WHEN provider_department = :old THEN :new ELSE provider_department END,
            region_code = CASE WHEN provider_department = :old THEN :region ELSE region_code END,
            revision = revision + 1
        WHERE status = ANY(:states) AND (
            provider_department = :old OR :old <> :new AND consumer_department = :old)
        RETURNING id, status
    ), noted AS (
        INSERT INTO exchange.{thing}_history ({thing}_id, at, action, from_state,
            to_state, actor_kind, actor_id, department, details)
        SELECT id, :now, :action, status, status, :kind, :actor, :old, CAST(:details AS jsonb)
        FROM given ORDER BY id
    )
    SELECT id FROM given ORDER BY id
"""
GIVE_SUBSCRIPTIONS = text(_GIVE.format(thing="subscription"))
GIVE_APPLICATIONS = text(_GIVE.format(thing="application"))


@dataclass(frozen=True, slots=True)
class Relations:
    """Ids of live subscriptions or open applications of a department; `between` it and another."""

    as_consumer: list[str] = field(default_factory=list)
    as_provider: list[str] = field(default_factory=list)
    between: list[str] = field(default_factory=list)


async def add(session: WriteSession, change: DepartmentChange) -> bool:
    """Insert the plan; False where the department has one."""
    query = insert(DepartmentChange).values(**change.model_dump())
    one_planned = col(DepartmentChange.status) == text("'planned'")
    once = query.on_conflict_do_nothing(index_elements=["department"], index_where=one_planned)
    return (await session.execute(once.returning(col(DepartmentChange.id)))).first() is not None


async def planned_of(session: ReadSession, *departments: str) -> Sequence[DepartmentChange]:
    """Return the plans of the departments, one of each at most."""
    query = select(DepartmentChange).where(
        col(DepartmentChange.department).in_(departments), DepartmentChange.status == PLANNED
    )
    return (await session.exec(query)).all()


async def page(
    session: ReadSession, department: str, request: PageRequest
) -> Page[DepartmentChange]:
    """Return what is planned for, and was done with or into, the department."""
    concerns = or_(
        col(DepartmentChange.department) == department,
        col(DepartmentChange.successor) == department,
    )
    query = request.apply(select(DepartmentChange).where(concerns), DepartmentChange.id)
    return request.page((await session.exec(query)).all(), "id")


async def take_due(session: WriteSession, today: date) -> DepartmentChange | None:
    """Lock the plan that is due first, leaving out those another worker holds."""
    due = (
        select(DepartmentChange)
        .where(DepartmentChange.status == PLANNED, col(DepartmentChange.on_day) <= today)
        .order_by(col(DepartmentChange.on_day), col(DepartmentChange.id))
        .limit(1)
    )
    locked = due.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    return (await session.exec(locked)).first()


async def take_unswept(
    session: WriteSession, done_before: datetime, limit: int
) -> Sequence[DepartmentChange]:
    """Lock mergers done some time ago whose late arrivals were not brought after them."""
    unswept = (
        select(DepartmentChange)
        .where(
            DepartmentChange.status == "done",
            col(DepartmentChange.swept_at).is_(None),
            col(DepartmentChange.finished_at) < done_before,
        )
        .limit(limit)
    )
    return (await session.exec(unswept.with_for_update(skip_locked=True))).all()


async def write(session: WriteSession, change_id: str, origin: str, **values: Any) -> bool:  # noqa: ANN401
    """Write over a change that is in status `origin`; False where it is not any more."""
    query = update(DepartmentChange).where(
        col(DepartmentChange.id) == change_id, col(DepartmentChange.status) == origin
    )
    return (await session.exec(query.values(**values))).rowcount == 1


async def subscriptions_of(session: ReadSession, department: str, other: str) -> Relations:
    return await _relations(session, Subscription, tuple(LIVE), department, other)


async def applications_of(session: ReadSession, department: str, other: str) -> Relations:
    return await _relations(session, Application, OPEN, department, other)


async def _relations(
    session: ReadSession,
    table: type[Subscription] | type[Application],
    states: Sequence[str],
    department: str,
    other: str,
) -> Relations:
    parties = (col(table.consumer_department), col(table.provider_department))
    query = select(table.id, *parties).where(
        col(table.status).in_(states), or_(*(party == department for party in parties))
    )
    relations = Relations()
    for id_, consumer, provider in (await session.exec(query.order_by(col(table.id)))).all():
        if {consumer, provider} == {department, other} and department != other:
            relations.between.append(id_)
            continue
        if consumer == department:
            relations.as_consumer.append(id_)
        if provider == department:
            relations.as_provider.append(id_)
    return relations


async def give_relations(
    session: WriteSession,
    actor: Actor,
    department: str,
    after: Mapping[str, str],
    now: datetime,
) -> list[str]:
    """Let the successor be the party of what is live or open; return the subscriptions."""
    facts = {
        "old": department,
        "new": after["department"],
        "region": after["region_code"],
        "now": now,
        "action": HANDED_OVER,
        "kind": actor.kind,
        "actor": actor.id,
        "details": f'{{"department": "{after["department"]}"}}',
    }
    given = await session.execute(GIVE_SUBSCRIPTIONS.bindparams(states=list(LIVE), **facts))
    await session.execute(GIVE_APPLICATIONS.bindparams(states=list(OPEN), **facts))
    return [row[0] for row in given.all()]


async def give_following(session: WriteSession, department: str, successor: str) -> None:
    """Let the successor have what other tables hold for the department."""
    for holding in FOLLOWING:
        values = {"old": department, "new": successor}
        await session.execute(text(holding.statement()).bindparams(**values))
