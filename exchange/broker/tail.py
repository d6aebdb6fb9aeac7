"""Waits for new records without a consumer, thread or timer per waiting client (P9).

One loop per worker asks each broker for all partitions that anybody waits for, and what arrives
goes into the cache from which every waiter is served.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest

from exchange.broker.client import BACKOFF_SECONDS, Connection
from exchange.broker.errors import BrokerUnavailable
from exchange.broker.fetch import MIN_BYTES, READ_COMMITTED, ChunkCache, parse

log = logging.getLogger(__name__)

# A partition that joins while a request is out is asked for in the next one, this much later.
WAIT_MS = 50
PARTITION_BYTES = 1024 * 1024
TOTAL_BYTES = 8 * 1024 * 1024

Place = tuple[str, int]


class Tail:
    def __init__(self, connection: Connection, cache: ChunkCache) -> None:
        self._connection = connection
        self._cache = cache
        self._watched: dict[Place, dict[asyncio.Future[None], int]] = {}
        self._anybody = asyncio.Event()
        self._waiters: dict[asyncio.Future[None], str] = {}

    async def wait(self, positions: Mapping[Place, int], owner: str, seconds: float) -> None:
        """Return when a record is at a position, rules of `owner` changed, or time is up."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[future] = owner
        for place, offset in positions.items():
            self._watched.setdefault(place, {})[future] = offset
        self._anybody.set()
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            self._forget(future, positions)

    def _forget(self, future: asyncio.Future[None], positions: Mapping[Place, int]) -> None:
        future.cancel()
        del self._waiters[future]
        for place in positions:
            waiting = self._watched[place]
            del waiting[future]
            if not waiting:
                del self._watched[place]

    def wake(self, owner: str | None = None) -> None:
        """Let the waiters of one owner, or all of them, look at their rules again."""
        for future, whose in list(self._waiters.items()):
            if owner is None or whose == owner:
                _resolve(future)

    async def run(self) -> None:
        """Watch for ever; a lost broker is waited for."""
        while True:
            if not self._watched:
                self._anybody.clear()
            await self._anybody.wait()
            try:
                await self._round()
            except (KafkaError, BrokerUnavailable, OSError, TimeoutError) as error:
                log.warning("tail: %r", error)
                await asyncio.sleep(BACKOFF_SECONDS)
                await self._refresh()

    async def _refresh(self) -> None:
        try:
            await self._connection.refresh()
        except (KafkaError, BrokerUnavailable, OSError, TimeoutError) as error:
            log.debug("tail: %r", error)

    async def _round(self) -> None:
        by_node: dict[int, dict[str, list[tuple[int, int, int]]]] = {}
        for (topic, partition), waiting in list(self._watched.items()):
            node = await self._connection.leader(topic, partition)
            topics = by_node.setdefault(node, {})
            oldest = min(waiting.values(), default=None)
            if oldest is not None:
                topics.setdefault(topic, []).append((partition, oldest, PARTITION_BYTES))
        await asyncio.gather(*(self._ask(node, topics) for node, topics in by_node.items()))

    async def _ask(self, node: int, topics: dict[str, list[tuple[int, int, int]]]) -> None:
        request = FetchRequest(
            WAIT_MS, MIN_BYTES, TOTAL_BYTES, READ_COMMITTED, list(topics.items())
        )
        client = await self._connection.client()
        answer = await client.send(node, request)
        asked = {
            (topic, partition): offset
            for topic, partitions in topics.items()
            for partition, offset, _bytes in partitions
        }
        for topic, partitions in answer.topics:
            for info in partitions:
                self._received((topic, info[0]), asked[topic, info[0]], info)

    def _received(self, place: Place, offset: int, info: Sequence[Any]) -> None:
        try:
            chunk = parse(info, offset)
        except KafkaError as error:
            # The reader that asks next tells the client what is wrong with the position.
            log.info("tail of %s: %r", place, error)
            self._wake_place(place, None)
            return
        if chunk.next_offset > offset:
            self._cache.add(place, chunk)
            self._wake_place(place, chunk.next_offset)

    def _wake_place(self, place: Place, reached: int | None) -> None:
        for future, offset in list(self._watched.get(place, {}).items()):
            if reached is None or offset < reached:
                _resolve(future)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
