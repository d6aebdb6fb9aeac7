"""Where a round of several partitions ends."""

from types import SimpleNamespace
from typing import Any

from exchange.broker.fetch import Chunk, ChunkCache
from exchange.delivery.pull import Puller

TOPIC = "topic"


async def test_an_end_that_was_passed_does_not_come_back() -> None:
    """A page of 14 records was asked for again as the broker woke, and was empty (seed 645845)."""
    cache = ChunkCache(10_000)
    cache.add((TOPIC, 1), Chunk(start=3, next_offset=9, end=9))
    told = {0: 4, 1: 3, 2: 7}

    async def offset(_topic: str, partition: int, _at: int) -> int:
        return told[partition]

    reader: Any = SimpleNamespace(cache=cache, offset=offset)
    nothing: Any = None
    puller = Puller(nothing, reader, nothing, nothing, nothing, nothing, b"key")
    plan: Any = SimpleNamespace(topic=TOPIC, partitions=3)
    assert await puller._ends(plan) == (4, 9, 7)
