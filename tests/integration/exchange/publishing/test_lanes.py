"""A writer is replaced while its worker lives on; one that is over writes no more (P5)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from deploy.local.stack import Endpoints
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, WriterOver
from exchange.log.fence import fence
from exchange.log.produce import Slice
from exchange.log.writer import Writers, transactional_id
from exchange.publishing import lanes as writing
from exchange.publishing.lanes import Lanes, Writer
from exchange.publishing.ledger import Layout
from kernel.changes import ChangeFeed, is_living
from kernel.database import Database
from kernel.tasks import Loops
from tests.integration.exchange.publishing.test_settling import new_layout
from tests.support.eventually import eventually

PART = Slice([b"key"], [b"{}"], [])


@pytest.fixture
async def connection(endpoints: Endpoints) -> AsyncIterator[Connection]:
    opened = Connection(endpoints.kafka_bootstrap, "test")
    yield opened
    await opened.close()


@pytest.fixture
async def feed(endpoints: Endpoints) -> AsyncIterator[ChangeFeed]:
    opened, loops = ChangeFeed(endpoints.database_url, stale_seconds=5), Loops()
    loops.start("feed", opened.run)
    await eventually(lambda: opened.life is not None)
    yield opened
    await loops.close()


@pytest.fixture
async def lanes(
    endpoints: Endpoints, connection: Connection, feed: ChangeFeed
) -> AsyncIterator[Lanes]:
    opened = Lanes(endpoints.kafka_bootstrap, connection, connection, feed)
    yield opened
    await opened.close()


async def append(lanes: Lanes, writer: Writer, layout: Layout) -> int:
    [position] = await lanes.append(writer, layout.topic, [(0, PART)], 2)
    return position.first_offset


async def ends(database: Database, life: int) -> bool:
    async with database.reading() as session:
        return not await is_living(session, life)


async def test_a_writer_that_is_given_up_is_replaced_and_nothing_else_of_the_worker(
    database: Database, endpoints: Endpoints, connection: Connection, feed: ChangeFeed, lanes: Lanes
) -> None:
    """The whole life ended: plans, tokens and polls began anew, and publishes got 503."""
    layout = await new_layout(endpoints, connection, 1)
    resets: list[bool] = []
    feed.on_reset(lambda: resets.append(True))
    lease, first = feed.life, await lanes.writer()
    with first:
        lanes.give_up(first.life)
        lanes.give_up(first.life)
        second = first
        while second == first:
            # Whoever comes meanwhile is served by the one or the other.
            second = await lanes.writer()
            await append(lanes, second, layout)
        # A publish that needs the first one yet is not settled by others meanwhile.
        await asyncio.sleep(3 * writing.RETRY_SECONDS)
        assert not await ends(database, first.life)
        assert isinstance(await append(lanes, first, layout), int)
    await eventually(lambda: ends(database, first.life))
    with pytest.raises(BrokerUnavailable):
        await append(lanes, first, layout)
    assert not await ends(database, second.life)
    assert (feed.life, resets) == (lease, [])


async def test_a_worker_that_others_have_taken_for_dead_writes_no_more_under_its_old_number(
    endpoints: Endpoints, connection: Connection, feed: ChangeFeed, lanes: Lanes
) -> None:
    """A frozen worker that wakes is refused by the log itself, and goes on as another writer."""
    layout = await new_layout(endpoints, connection, 1)
    frozen = await lanes.writer()
    assert await append(lanes, frozen, layout) == 0
    await fence(Writers(connection), transactional_id(frozen.life), layout.topic, [0])
    with pytest.raises(WriterOver):
        await append(lanes, frozen, layout)
    await eventually(lambda: _changed(lanes, frozen))
    # The marker of the fence has the offset between.
    assert await append(lanes, await lanes.writer(), layout) == 2
    assert feed.life is not None


async def _changed(lanes: Lanes, before: Writer) -> bool:
    return await lanes.writer() != before


async def test_all_writers_end_with_the_lease(
    endpoints: Endpoints, connection: Connection, feed: ChangeFeed, lanes: Lanes
) -> None:
    layout = await new_layout(endpoints, connection, 1)
    first = await lanes.writer()
    await append(lanes, first, layout)
    feed.renew()
    with pytest.raises(BrokerUnavailable):
        await append(lanes, first, layout)
    await eventually(lambda: feed.life is not None)
    second = await lanes.writer()
    assert second != first
    assert await append(lanes, second, layout) == 1


async def test_a_writer_is_replaced_before_the_log_forgets_by_which_name_to_fence_it(
    feed: ChangeFeed, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka drops a transactional id after a week; a later fence would fence somebody new."""
    monkeypatch.setattr(writing, "OLD_SECONDS", 0.0)
    first = await lanes.writer()
    await eventually(lambda: _changed(lanes, first))
    assert feed.life == first.life


async def test_a_transaction_that_hangs_holds_up_none_that_come_later(
    database: Database,
    endpoints: Endpoints,
    connection: Connection,
    lanes: Lanes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One hung broker of several stopped all batches of a worker that span partitions (C11)."""
    monkeypatch.setattr(writing, "LATE_SECONDS", 0.2)
    layout = await new_layout(endpoints, connection, 2)
    first, over = await lanes.writer(spanning=True), asyncio.Event()
    append_now = first.spanning.append

    async def hang(parts: Sequence[Any]) -> list[int]:
        await over.wait()
        return await append_now(parts)

    monkeypatch.setattr(first.spanning, "append", hang)
    both = [(0, PART), (1, PART)]
    with first:
        hanging = asyncio.create_task(lanes.append(first, layout.topic, both, 4))
        await eventually(lambda: _changed(lanes, first))
        second = await lanes.writer(spanning=True)
        with second:
            stored = await lanes.append(second, layout.topic, both, 4)
        assert not hanging.done()
        over.set()
        late = await hanging
    assert [position.first_offset for position in stored] == [0, 0]
    assert all(position.first_offset > 0 for position in late)
    await eventually(lambda: ends(database, first.life))
