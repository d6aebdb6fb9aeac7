"""A keyed batch is found wherever it lies between two ends of the log (P5)."""

from collections.abc import Hashable

import pytest

from exchange.log.accepted import PositionRange
from exchange.log.chunk_cache import ChunkCache
from exchange.log.chunks import Chunk
from exchange.log.connection import Connection
from exchange.log.errors import OutcomeUnknown
from exchange.log.headers import BatchFacts
from exchange.log.produce import Slice
from exchange.log.reader import Reader
from exchange.log.topics import Topics
from exchange.log.writer import Writers
from exchange.publishing import search
from exchange.publishing.search import find_batch
from kernel.ids import new_id
from tests.support.appending import AppendingLog

MIB = 1024 * 1024
INTENT, OTHER = b"\x01" * 16, b"\x02" * 16


def batch(intent: bytes, *values: bytes) -> Slice:
    facts = BatchFacts(7, len(values), b"d" * 32, "client", "correlation", intent)
    return Slice([b"key"] * len(values), list(values), facts.headers())


class Late(Reader):
    """Joins a reading that began before anything was in the log, as often as it is told to."""

    def __init__(self, connection: Connection, times: int) -> None:
        super().__init__(connection, ChunkCache(MIB))
        self.times = times

    async def read(
        self, topic: str, partition: int, offset: int, max_bytes: int, caller: Hashable = None
    ) -> Chunk:
        if self.times:
            self.times -= 1
            return Chunk(start=offset, next_offset=offset, end=offset)
        return await super().read(topic, partition, offset, max_bytes, caller)


@pytest.fixture
async def spread(topics: Topics, connection: Connection, writers: Writers) -> str:
    """A topic of three partitions with one record of the batch in each, others around them."""
    name = f"test.{new_id()}"
    await topics.ensure(name, 3)
    for partition in range(3):
        log = AppendingLog(connection, name, partition, await writers.enter(new_id()))
        for each in (batch(OTHER, b"before"), batch(INTENT, b"wanted"), batch(OTHER, b"x", b"y")):
            await log.append([each])
    return name


async def test_it_is_found_in_every_partition(spread: str, reader: Reader) -> None:
    found = await find_batch(reader, spread, INTENT, [0, 0, 0], [4, 4, 4])
    assert found is not None
    assert found.version == 7
    assert found.positions == [PositionRange(partition, 1, 1) for partition in range(3)]


async def test_a_reading_that_began_too_early_leaves_no_partition_out(
    spread: str, connection: Connection
) -> None:
    """A retry's receipt named one partition of three: it had stepped over the others' records."""
    found = await find_batch(Late(connection, 2), spread, INTENT, [1, 1, 1], [4, 4, 4])
    assert found is not None
    assert found.positions == [PositionRange(partition, 1, 1) for partition in range(3)]


async def test_what_lies_outside_the_ends_or_belongs_to_another_key_is_not_it(
    spread: str, reader: Reader
) -> None:
    assert await find_batch(reader, spread, b"\x03" * 16, [0, 0, 0], [4, 4, 4]) is None
    assert await find_batch(reader, spread, INTENT, [4, 4, 4], [4, 4, 4]) is None


async def test_a_log_that_cannot_be_read_to_its_end_decides_nothing(
    spread: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "WAIT_SECONDS", 0.2)
    with pytest.raises(OutcomeUnknown):
        await find_batch(Late(connection, 1_000), spread, INTENT, [0, 0, 0], [4, 4, 4])
