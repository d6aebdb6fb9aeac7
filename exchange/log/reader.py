"""Stateless reading: any offset, any worker, no consumer and no memory between calls."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Iterator
from contextlib import AsyncExitStack, suppress
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from exchange.log.chunk_cache import ChunkCache
from exchange.log.chunks import Chunk
from exchange.log.connection import NOBODY, Answer, Connection, patiently
from exchange.log.errors import BrokerUnavailable, PositionExpiredError, UnreadableBatchError
from exchange.log.foreign import UNREADABLE
from exchange.log.parsing import parsing
from exchange.log.stored_shares import StoredShares
from kernel.fair_gate import FairGate
from kernel.turns import FairScheduler

EARLIEST, LATEST = -2, -1
READ_UNCOMMITTED, READ_COMMITTED = 0, 1
FETCH_SECONDS = 10.0
# A position that a leader does not have is looked for again so often, as late as that.
LOOKS_AGAIN_SECONDS = (0.05, 0.25, 0.7)
MIN_BYTES = 1
WAIT_MS = 0
# Of one broker: what is read holds its batches three or four times over, and a batch may have
# 12 MiB. One that hangs keeps readers of no other waiting.
READINGS_AT_ONCE = 8


class _Wanted(NamedTuple):
    topic: str
    partition: int
    offset: int
    max_bytes: int


class _Reading:
    """A reading and whom it is for; once it has begun everybody may have what it finds."""

    task: asyncio.Task[Chunk]

    def __init__(self, caller: Hashable) -> None:
        self.caller = caller
        self.has_begun = False


class Edge(NamedTuple):
    """Where a partition begins or ends: `at` is EARLIEST or LATEST."""

    topic: str
    partition: int
    at: int


class Reader:
    def __init__(
        self, connection: Connection, cache: ChunkCache, turns: FairScheduler | None = None
    ) -> None:
        self._connection = connection
        self.cache = cache
        self.turns = turns or FairScheduler()
        self._under_way: dict[_Wanted, _Reading] = {}
        self._gates: dict[int, FairGate] = {}
        self._shares = StoredShares()

    @property
    def foreign_records(self) -> int:
        """How many records of others were met so far."""
        return self.cache.foreign.records

    async def read(
        self, topic: str, partition: int, offset: int, max_bytes: int, caller: Hashable = None
    ) -> Chunk:
        """Return what the log holds from `offset` on; equal readings under way are shared.

        `caller` is whom it is read for: callers take turns. One whose reading has not begun makes
        no other caller wait behind what else it asked for. Raises PositionExpiredError below the
        earliest kept offset, BrokerUnavailable.
        """
        if (chunk := self.cache.find((topic, partition), offset)) is not None:
            return chunk
        wanted = _Wanted(topic, partition, offset, max_bytes)
        reading = self._under_way.get(wanted)
        if reading is None or not (reading.has_begun or reading.caller == caller):
            reading = self._under_way[wanted] = _Reading(caller)
            reading.task = asyncio.create_task(self._read(wanted, reading))
            reading.task.add_done_callback(lambda _done: self._forget(wanted, reading))
        return await asyncio.shield(reading.task)

    def _forget(self, wanted: "_Wanted", reading: "_Reading") -> None:
        if self._under_way.get(wanted) is reading:
            del self._under_way[wanted]

    async def _read(self, wanted: "_Wanted", reading: "_Reading") -> Chunk:
        topic, partition, offset, _max_bytes = wanted

        async def attempt() -> Chunk:
            leader = await self._connection.leader(topic, partition)
            gate = self._gates.setdefault(leader, FairGate(READINGS_AT_ONCE))
            async with AsyncExitStack() as held:
                async with asyncio.timeout(FETCH_SECONDS):
                    await held.enter_async_context(gate.passing(reading.caller))
                reading.has_begun = True
                return await self._fetched(wanted, leader)

        looks = list(LOOKS_AGAIN_SECONDS)
        while True:
            try:
                chunk = await self._patiently(attempt, topic, through=OffsetOutOfRangeError)
            except OffsetOutOfRangeError as error:
                earliest = await self.offset(topic, partition, EARLIEST)
                first_look = len(looks) == len(LOOKS_AGAIN_SECONDS)
                if not looks or (offset < earliest and not first_look):
                    self.cache.forget((topic, partition))
                    raise PositionExpiredError(partition, earliest) from error
                # One that led until just now may not know of its successor, nor how far it went.
                await asyncio.sleep(looks.pop(0))
                await self._connection.refresh([topic])
            else:
                return chunk

    async def _fetched(self, wanted: "_Wanted", leader: int) -> Chunk:
        topic, partition, offset, max_bytes = wanted
        # Whoever had the place before may have read it.
        if (chunk := self.cache.find((topic, partition), offset)) is not None:
            return chunk
        asked = self._shares.asked(topic, max_bytes)
        request = FetchRequest(
            *(WAIT_MS, MIN_BYTES, asked, READ_COMMITTED),
            [(topic, [(partition, offset, asked)])],
        )
        answer = await self._connection.send(leader, request)
        [(_topic, [info])] = answer.topics
        try:
            chunk = await self.turns.finish(parsing(info, offset, max_bytes))
        except UnreadableBatchError as error:
            self.cache.foreign.name((topic, partition), error.offsets, UNREADABLE)
            raise
        self._shares.learn(topic, chunk)
        self.cache.add((topic, partition), chunk)
        return chunk

    async def _patiently(
        self,
        attempt: Callable[[], Awaitable[Answer]],
        topic: str,
        through: tuple[type[KafkaError], ...] | type[KafkaError] = (),
    ) -> Answer:
        return await patiently(
            attempt,
            seconds=FETCH_SECONDS,
            connection=self._connection,
            through=through,
            topics=(topic,),
        )

    async def offset(
        self, topic: str, partition: int, at: int, isolation: int = READ_COMMITTED
    ) -> int:
        """Return the offset at a time in milliseconds, EARLIEST or LATEST.

        LATEST lies before a transaction that is still open, unless read uncommitted, and never
        before what was read here: a broker that has just become leader again may tell for a moment
        of an end that it had passed, and a page asked again would be empty (P6).
        """
        request = OffsetRequest(-1, isolation, [(topic, [(partition, at)])])

        async def attempt() -> int:
            answer = await self._connection.ask_leader(topic, partition, request)
            [(_topic, [(_partition, code, _timestamp, offset, *_rest)])] = answer.topics
            if code:
                raise for_code(code)
            return int(offset)

        info = await self._patiently(attempt, topic)
        if at == LATEST:
            return self._end(topic, partition, info)
        # A time after the last record has no offset of its own: its place is the end.
        return info if info >= 0 else await self.offset(topic, partition, LATEST)

    async def offsets(self, topic: str, partitions: int, at: int) -> list[int]:
        """Return the same of all partitions of a topic, asked for at once."""
        asked = (self.offset(topic, partition, at) for partition in range(partitions))
        return await asyncio.gather(*asked)

    def _end(self, topic: str, partition: int, told: int) -> int:
        return max(told, self.cache.ends.get((topic, partition), 0))

    async def learn(self, topics: Iterable[str]) -> None:
        """Find out who leads topics that were not asked for yet: `look_up` groups by leaders."""
        unknown = {each for each in topics if self._connection.known_leader(each, 0) is None}
        if unknown:
            with suppress(BrokerUnavailable):
                await self._connection.refresh(unknown)

    async def look_up(self, edges: Collection[Edge], found: dict[Edge, int]) -> None:
        """Add the offsets of many edges to `found`, each as soon as it is told.

        Edges of partitions with one leader share a request. What it does not answer is asked for
        alone, and left out where no broker tells it. Whoever waits no longer has what was told.
        """
        requests: dict[tuple[int, int], list[Edge]] = defaultdict(list)
        for edge in edges:
            leader = self._connection.known_leader(edge.topic, edge.partition)
            requests[NOBODY if leader is None else leader, edge.at].append(edge)
        await asyncio.gather(
            *(self._ask_once(leader, at, each, found) for (leader, at), each in requests.items())
        )

    async def _ask_once(
        self, leader: int, at: int, edges: Collection[Edge], found: dict[Edge, int]
    ) -> None:
        topics: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for edge in edges:
            topics[edge.topic].append((edge.partition, at))
        if leader != NOBODY:
            request = OffsetRequest(-1, READ_COMMITTED, list(topics.items()))
            with suppress(BrokerUnavailable, TimeoutError, KafkaError, OSError):
                found.update(self._told(at, await self._connection.send(leader, request)))
        for edge in edges:
            if edge not in found:
                with suppress(BrokerUnavailable):
                    found[edge] = await self.offset(*edge)

    def _told(self, at: int, answer: Any) -> Iterator[tuple[Edge, int]]:  # noqa: ANN401
        for topic, partitions in answer.topics:
            for partition, code, _timestamp, offset, *_rest in partitions:
                if not code:
                    end = self._end(topic, partition, offset) if at == LATEST else offset
                    yield Edge(topic, partition, at), end
