"""What waits for whom: read from the states, the earliest due first, nothing of others (Art 21)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from auth.errors import RoleRequired
from auth.principal import Principal
from deploy.local.stack import Endpoints
from exchange.applications import agreement, review
from exchange.subscriptions import supervision
from exchange.tasks import inbox
from kernel.database import Database
from kernel.errors import InvalidCursor
from kernel.paging import PageRequest, encode
from kernel.workdays import local_date
from tests.support.databases import own_database
from tests.support.sharing import NOW, Sharing, drafted, sharing, signed, subscribed

LATE = NOW + timedelta(days=40)


@pytest.fixture(scope="module")
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, pool_size=20) as opened:
        yield opened


@pytest.fixture(scope="module")
async def world(database: Database) -> Sharing:
    return await sharing(database)


async def kinds(
    database: Database, who: Principal, *, things: set[str] | None = None
) -> list[tuple[str, str]]:
    async with database.reading() as session:
        page = await inbox.page(session, who, PageRequest(limit=200), now=NOW)
    return [
        (task.kind, task.thing) for task in page.items if things is None or task.thing in things
    ]


async def test_an_application_is_a_task_of_whoever_it_waits_for(database: Database) -> None:
    world = await sharing(database)
    draft = await drafted(database, world)
    assert await kinds(database, world.head) == [("application.sign", draft.id)]
    assert await kinds(database, world.provider_head) == []
    application = await signed(database, world)
    assert ("application.agree", application.id) in await kinds(database, world.provider_head)
    checks = ("application.request-supplement", application.id)
    assert await kinds(database, world.provider_clerk) == [checks]
    async with database.transaction() as session:
        await review.request_supplement(
            session, world.provider_clerk, application.id, missing=["m"], message="m", now=NOW
        )
    assert await kinds(database, world.clerk) == [("application.supplement", application.id)]
    assert await kinds(database, world.provider_clerk) == []
    assert await kinds(database, world.outsider) == []


async def test_the_authority_hears_of_an_extension(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        await review.extend(
            session, world.provider_head, application.id, working_days=1, reason="r", now=NOW
        )
    waits = ("application.consent-extension", application.id)
    assert await kinds(database, world.overseer, things={application.id}) == [waits]
    assert await kinds(database, world.provider_head) == []


async def test_what_was_granted_is_to_be_delivered_and_what_was_suspended_looked_after(
    database: Database,
) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)
    assert await kinds(database, world.provider_clerk) == [("subscription.deliver", subscription)]
    async with database.transaction() as session:
        await supervision.suspend(
            session,
            world.provider_head,
            subscription,
            reason="r",
            remedy_by=local_date(NOW),
            now=NOW,
        )
    async with database.reading() as session:
        page = await inbox.page(session, world.provider_head, PageRequest(), now=LATE)
    [task] = page.items
    assert (task.kind, task.thing, task.overdue) == ("subscription.resume", subscription, True)
    assert (task.remaining_working_days or 0) < 0
    assert task.title == "测试资源"
    assert task.from_name == world.consumer
    assert await kinds(database, world.provider_clerk) == []
    # The provider's suspension is the provider's to look after.
    assert await kinds(database, world.overseer, things={subscription}) == []


async def test_pages_follow_the_due_dates_without_gap_or_repetition(database: Database) -> None:
    world = await sharing(database)
    days = (3, 1, 2, 0, 1)
    made = [(await signed(database, world, NOW + timedelta(days=day))) for day in days]
    drafts = [(await drafted(database, world)).id for _ in range(2)]
    expected = [row.id for row in sorted(made, key=lambda row: (row.due_at, row.id))]
    seen: list[str] = []
    request = PageRequest(limit=2)
    async with database.reading() as session:
        while True:
            page = await inbox.page(session, world.provider_head, request, now=NOW)
            assert len(page.items) <= 2
            seen += [task.thing for task in page.items]
            if page.next_cursor is None:
                break
            request = PageRequest(limit=2, cursor=page.next_cursor)
        first = await inbox.page(session, world.head, PageRequest(limit=1), now=NOW)
        rest = PageRequest(limit=1, cursor=first.next_cursor)
        second = await inbox.page(session, world.head, rest, now=NOW)
    assert seen == expected
    assert [task.thing for task in (*first.items, *second.items)] == drafts
    assert second.next_cursor is None


async def test_what_is_decided_waits_for_nobody(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        await agreement.agree(session, world.provider_head, application.id, now=NOW)
    assert await kinds(database, world.provider_head, things={application.id}) == []


@pytest.mark.parametrize("cursor", ["x", "x|y", "2026-01-01|y", "2026-01-01T00:00:00|y"])
async def test_a_cursor_of_nobodys_is_refused(
    database: Database, world: Sharing, cursor: str
) -> None:
    async with database.reading() as session:
        with pytest.raises(InvalidCursor):
            await inbox.page(session, world.head, PageRequest(cursor=encode(cursor)), now=NOW)


async def test_an_application_system_has_no_tasks(database: Database, world: Sharing) -> None:
    client = replace(world.head, kind="client", roles=frozenset())
    async with database.reading() as session:
        with pytest.raises(RoleRequired):
            await inbox.page(session, client, PageRequest(), now=NOW)
