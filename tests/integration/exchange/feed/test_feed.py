"""A department's own events: in the order of commits, its own alone, across a restore."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from auth.principal import Principal
from deploy.local.stack import Endpoints
from exchange.applications import apply
from exchange.delivery.errors import GenerationChanged
from exchange.feed import gathering, reading
from exchange.feed.reading import FeedPage
from kernel import clock, outbox
from kernel.database import Database
from kernel.errors import Gone, InvalidCursor
from kernel.generation import raise_generation
from tests.support.databases import own_database
from tests.support.sharing import NOW, Sharing, drafted, person, sharing, signed, subscribed

ROUNDS = 40


@pytest.fixture(scope="module")
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, pool_size=30) as opened:
        yield opened


async def gathered(database: Database) -> None:
    while True:
        async with database.transaction() as session:
            if not await gathering.gather(session, NOW):
                return


async def page(
    database: Database,
    who: Principal,
    after: str | None = None,
    types: Sequence[str] | None = None,
    limit: int = 200,
) -> FeedPage:
    async with database.reading() as session:
        return await reading.read(session, who, after=after, types=types, limit=limit)


def told(found: FeedPage) -> list[str]:
    return [event.type for event in found.items]


async def test_each_party_reads_its_own_and_outsiders_nothing(database: Database) -> None:
    world = await sharing(database)
    await subscribed(database, world)
    await gathered(database)
    everything = ["application.signed", "subscription.granted", "application.agreed"]
    for who in (world.clerk, world.provider_head):
        assert told(await page(database, who)) == everything
    assert told(await page(database, world.outsider)) == []
    overseen = await page(database, world.overseer)
    assert {event.thing for event in overseen.items} >= {
        event.thing for event in (await page(database, world.clerk)).items
    }
    # Without the role a colleague of the authority does not oversee.
    assert told(await page(database, world.auditor)) == []
    elsewhere = person(world.authority, *world.overseer.roles, region="440000")
    assert elsewhere.department == world.authority


async def test_what_was_never_signed_is_the_consumers_alone(database: Database) -> None:
    world = await sharing(database)
    draft = await drafted(database, world)
    async with database.transaction() as session:
        await apply.withdraw(session, world.clerk, draft.id, now=NOW)
    await gathered(database)
    assert told(await page(database, world.clerk)) == ["application.withdrawn"]
    assert told(await page(database, world.provider_head)) == []


async def test_pages_follow_each_other_and_types_are_chosen(database: Database) -> None:
    world = await sharing(database)
    await subscribed(database, world)
    await gathered(database)
    first = await page(database, world.clerk, limit=2)
    assert first.more
    rest = await page(database, world.clerk, after=first.next_after)
    assert told(first) + told(rest) == told(await page(database, world.clerk))
    assert told(await page(database, world.clerk, after=rest.next_after)) == []
    chosen = await page(database, world.clerk, types=["application.agreed"])
    assert told(chosen) == ["application.agreed"]
    none = await page(database, world.clerk, types=["application.refused"])
    # What was looked at is behind: nothing is looked at twice.
    assert (told(none), none.next_after) == ([], rest.next_after)


async def test_who_reads_while_others_write_misses_nothing(database: Database) -> None:
    """Transactions that end in another order than they began in, and two gatherers at once."""
    world = await sharing(database)
    payload = {"consumer_department": world.consumer}
    held = asyncio.Event()

    async def slow() -> None:
        async with database.transaction() as session:
            outbox.add(session, "application.signed", "slow", payload)
            await session.flush()
            await held.wait()

    async def quick(number: int) -> None:
        async with database.transaction() as session:
            outbox.add(session, "application.signed", f"{number}", payload)

    async def gather() -> None:
        async with database.transaction() as session:
            await gathering.gather(session, NOW)

    waiting = asyncio.create_task(slow())
    await asyncio.sleep(0)
    seen: list[str] = []
    after = None
    for number in range(ROUNDS):
        if number == ROUNDS // 2:
            held.set()
            await waiting
        await asyncio.gather(quick(number), gather(), gather())
        found = await page(database, world.clerk, after=after)
        seen += [event.thing for event in found.items]
        after = found.next_after
    await gathered(database)
    seen += [event.thing for event in (await page(database, world.clerk, after=after)).items]
    assert sorted(seen) == sorted(["slow", *map(str, range(ROUNDS))])


async def test_messages_that_the_relay_removes_were_numbered(database: Database) -> None:
    world = await sharing(database)
    await signed(database, world)
    async with database.transaction() as session:
        rows = list(await outbox.take(session, 10_000))
        await gathering.gather_these(session, [row.id or 0 for row in rows])
        await outbox.remove(session, rows)
    assert told(await page(database, world.clerk)) == ["application.signed"]
    await gathered(database)
    assert told(await page(database, world.clerk)) == ["application.signed"]


@pytest.mark.parametrize("after", ["", "x", "1", "1-", "-1", "1-2-3", "1-x", "9999999999-1", "1-²"])
async def test_an_id_that_was_never_given_out_is_refused(database: Database, after: str) -> None:
    with pytest.raises(InvalidCursor):
        await page(database, person("D"), after=after)


async def test_a_restore_leads_on_without_a_gap(database: Database) -> None:
    """The numbers of events that a restore took back are given to others, under other ids."""
    world = await sharing(database)
    first = await _signed_and_read(database, world)
    lost = await _signed_and_read(database, world, after=first.next_after)
    lost_ids = [reading.id_of(lost.generation, event.id or 0) for event in lost.items]
    async with database.transaction() as session:
        # What a backup of the moment between them holds.
        numbers = [event.id for event in lost.items]
        for table, column in (("feed_reader", "event_id"), ("feed_event", "id")):
            forget = text(f"DELETE FROM exchange.{table} WHERE {column} = ANY(:ids)")  # noqa: S608
            await session.execute(forget.bindparams(ids=numbers))
        await session.execute(text("DELETE FROM kernel.outbox"))
        last = text(
            "SELECT setval(pg_get_serial_sequence('exchange.feed_event', 'id'), max(id))"
            " FROM exchange.feed_event"
        )
        await session.execute(last)
        await raise_generation(session, "test")
    async with database.transaction() as session:
        await signed_in(session, world)
    await gathered(database)
    for after in (first.next_after, lost.next_after):
        with pytest.raises(GenerationChanged) as refused:
            await page(database, world.clerk, after=after)
        on = await page(database, world.clerk, after=str(refused.value.facts["first"]))
        [event] = on.items
        assert event.thing == "anew"
        assert reading.id_of(on.generation, event.id or 0) not in lost_ids
    with pytest.raises(GenerationChanged) as refused:
        await page(database, world.clerk, after=reading.id_of(lost.generation, 0))
    everything = await page(database, world.clerk, after=str(refused.value.facts["first"]))
    assert told(everything) == told(await page(database, world.clerk))


async def signed_in(session: object, world: Sharing) -> None:
    outbox.add(session, "application.signed", "anew", {"consumer_department": world.consumer})  # type: ignore[arg-type]


async def _signed_and_read(
    database: Database, world: Sharing, after: str | None = None
) -> FeedPage:
    await signed(database, world)
    await gathered(database)
    return await page(database, world.clerk, after=after)


async def test_whoever_stayed_away_too_long_is_told(database: Database) -> None:
    world = await sharing(database)
    first = await _signed_and_read(database, world)
    async with database.transaction() as session:
        later = clock.now() + timedelta(days=10)
        # What the relay has not told yet keeps its number.
        await gathering.forget_old(session, later, days=9)
        assert told(await reading.read(session, world.clerk, after=None, types=None, limit=9))
        await session.execute(text("DELETE FROM kernel.outbox"))
        assert await gathering.forget_old(session, later, days=9) > 0
    await _signed_and_read(database, world)
    with pytest.raises(Gone) as refused:
        await page(database, world.clerk, after=first.next_after)
    on = await page(database, world.clerk, after=str(refused.value.facts["first"]))
    assert told(on) == ["application.signed"]
