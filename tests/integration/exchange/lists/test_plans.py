"""Each list is found by an index, among as many rows of others as make reading all of them dear."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import Connection, DateTime, event, literal, select, text

from auth.principal import Principal
from deploy.local.stack import Endpoints
from exchange.applications import register as applications
from exchange.applications import store as applied
from exchange.applications.states import State
from exchange.feed import reading
from exchange.parties import Side
from exchange.subscriptions import register as subscriptions
from exchange.subscriptions import store as granted
from exchange.tasks import inbox
from exchange.violations import register as violations
from kernel.database import Database, ReadSession
from kernel.paging import PageRequest
from kernel.workdays import SHANGHAI, local_date
from tests.support.databases import own_database
from tests.support.sharing import NOW, Sharing, sharing, signed, subscribed

PAGE = PageRequest(limit=20)
TZ = DateTime(timezone=True)
OTHERS = 200
# Of the same rows again and again, for OTHERS departments that are called O-0, O-1 and so on.
FILL = (
    """INSERT INTO auth.department SELECT (jsonb_populate_record(d, jsonb_build_object(
            'uscc', 'O-' || n, 'name', 'O-' || n))).*
        FROM auth.department d, generate_series(0, :others - 1) AS n WHERE d.uscc = :consumer""",
    """INSERT INTO exchange.application SELECT (jsonb_populate_record(a, jsonb_build_object(
            'id', a.id || n, 'consumer_department', 'O-' || n % :others,
            'provider_department', 'O-' || (n + 7) % :others, 'region_code', '451400'))).*
        FROM exchange.application a, generate_series(1, 4000) AS n""",
    """INSERT INTO exchange.subscription SELECT (jsonb_populate_record(s, jsonb_build_object(
            'id', s.id || n, 'application_id', s.application_id || n,
            'consumer_department', 'O-' || n % :others,
            'provider_department', 'O-' || (n + 7) % :others, 'region_code', '451400'))).*
        FROM exchange.subscription s, generate_series(1, 4000) AS n""",
    """INSERT INTO exchange.feed_reader
        SELECT 'O-' || n % :others, n, 'application.signed', false
        FROM generate_series(1, 20000) AS n""",
    """INSERT INTO exchange.violation SELECT 'v' || n, 'reply_late', 'O-' || n % :others, '451400',
            'application', 'a' || n, '', NULL, :now
        FROM generate_series(1, 4000) AS n""",
)
Ask = Callable[[ReadSession, Sharing], Awaitable[object]]


@pytest.fixture(scope="module")
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, pool_size=4) as opened:
        yield opened


@pytest.fixture(scope="module")
async def world(database: Database) -> Sharing:
    made = await sharing(database)
    await subscribed(database, made)
    await signed(database, made)
    facts = {"others": OTHERS, "consumer": made.consumer, "now": NOW}
    async with database.transaction() as session:
        for statement in FILL:
            named = {name: value for name, value in facts.items() if f":{name}" in statement}
            await session.execute(text(statement), named)
    async with database.single() as connection:
        # What is read from an index alone is known to be seen by all.
        await connection.execute(text("VACUUM ANALYZE"))
    return made


def _applications(**criteria: object) -> Ask:
    return lambda session, world: applications.page(
        session,
        world.head,
        PAGE,
        now=NOW,
        **criteria,  # type: ignore[arg-type]
    )


def _city(world: Sharing) -> Principal:
    """An authority of a city in which nothing lies but what is others'."""
    return replace(world.overseer, region_code="450300")


LISTS: dict[str, tuple[Ask, str, str]] = {
    "applications": (_applications(), "application", "application_consumer"),
    "applications of a side": (
        _applications(side=Side.PROVIDER), "application", "application_provider"),
    "applications of a state": (
        _applications(side=Side.CONSUMER, status=State.SUBMITTED),
        "application", "application_consumer"),
    "applications that are overdue": (
        _applications(side=Side.PROVIDER, overdue=True), "application", "application_due_at"),
    "applications of a division": (
        lambda session, world: applications.page(
            session, _city(world), PAGE, now=NOW, side=Side.AUTHORITY, status=State.SUBMITTED
        ),
        "application", "application_region_status"),
    "subscriptions": (
        lambda session, world: subscriptions.page(session, world.head, PAGE, now=NOW),
        "subscription", "subscription_consumer"),
    "departments that use an entry": (
        lambda session, world: granted.users(session, [world.resource_id], local_date(NOW)),
        "subscription", "subscription_users"),
    "replies about an entry": (
        lambda session, world: applied.replies(session, [world.resource_id], NOW),
        "application", "application_replies"),
    "tasks": (
        lambda session, world: inbox.page(session, world.provider_head, PAGE, now=NOW),
        "application", "application_provider"),
    "events": (
        lambda session, world: reading.read(
            session, world.head, after=None, types=None, limit=20
        ),
        "feed_reader", "feed_reader_pkey"),
    "violations": (
        lambda session, world: violations.counted(
            session, violations.Scope(department=world.consumer), None
        ),
        "violation", "violation_department"),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_is_found_by_an_index(database: Database, world: Sharing, name: str) -> None:
    ask, table, index = LISTS[name]
    plans = await _plans(database, ask, world)
    about = [plan for plan in plans if re.search(rf"\b{table}\b", plan)]
    assert about, plans
    for plan in about:
        assert not re.search(rf"Seq Scan on {table}\b", plan), plan
    assert any(index in plan for plan in about), about


async def test_a_day_begins_at_midnight_in_shanghai(database: Database) -> None:
    """Days of replies are told as the calendar tells them, at their first and last moments."""
    midnight = datetime(1999, 12, 31, tzinfo=SHANGHAI)
    days = [midnight + timedelta(days=n) for n in (0, 1, 2, 59, 365, 9_700)]
    moments = [day + timedelta(microseconds=n) for day in days for n in (-1, 0, 1)]
    async with database.reading() as session:
        asked = [select(applied.day_begun(literal(each, TZ))) for each in moments]
        rows = [(await session.execute(each)).scalar_one() for each in asked]
    assert [local_date(row) for row in rows] == [local_date(each) for each in moments]
    assert all(row.astimezone(SHANGHAI).time() == time.min for row in rows)


async def _plans(database: Database, ask: Ask, world: Sharing) -> list[str]:
    """Return how the database answers each statement of a list, by its own choice."""
    asked: list[tuple[str, object]] = []

    def note(_c: Connection, _u: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    async with database.reading() as session:
        connection = await session.connection()
        event.listen(connection.sync_connection, "before_cursor_execute", note)
        try:
            await ask(session, world)
        finally:
            event.remove(connection.sync_connection, "before_cursor_execute", note)
        return [
            "\n".join((await connection.exec_driver_sql(f"EXPLAIN {each}", values)).scalars())  # type: ignore[arg-type]
            for each, values in asked
        ]
