"""Where the log ends, as a reader that has read it knows."""

from types import SimpleNamespace
from typing import Any

from exchange.log.chunk_cache import ChunkCache
from exchange.log.chunks import Chunk
from exchange.log.reader import LATEST, Reader

TOPIC = "topic"


async def test_an_end_that_was_passed_does_not_come_back() -> None:
    """A page of 14 records was asked for again as the broker woke, and was empty (seed 645845)."""
    cache = ChunkCache(10_000)
    cache.add((TOPIC, 1), Chunk(start=3, next_offset=9, end=9))
    told = {0: 4, 1: 3, 2: 7}

    async def ask_leader(topic: str, partition: int, _request: object) -> Any:  # noqa: ANN401
        answer = (partition, 0, -1, told[partition])
        return SimpleNamespace(topics=[(topic, [answer])])

    connection: Any = SimpleNamespace(ask_leader=ask_leader)
    reader = Reader(connection, cache)
    assert [await reader.offset(TOPIC, p, LATEST) for p in range(3)] == [4, 9, 7]
