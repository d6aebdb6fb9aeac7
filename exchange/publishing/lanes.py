"""The ways into the log of one worker life: its carrier, and a log for batches that span."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from exchange.log.carrier import Carrier
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from exchange.log.produce import Place, Slice
from exchange.log.transaction import SpanningLog, spanning_id
from exchange.log.writer import Writers, transactional_id
from exchange.publishing.batcher import Batcher
from kernel.changes import ChangeFeed

Part = tuple[Place, Slice]


def partition_of(key: bytes, partitions: int) -> int:
    """Return crc32(key) % partitions: librdkafka's `consistent` partitioner (`api.md`)."""
    return zlib.crc32(key) % partitions


@dataclass(slots=True)
class _Life:
    number: int
    carrier: Carrier
    spanning: SpanningLog
    spanning_batcher: Batcher[Sequence[Part], list[int]]


class Lanes:
    """`small` and `large` carry records of one request each; requests on one are in order."""

    def __init__(
        self, bootstrap: str, small: Connection, large: Connection, changes: ChangeFeed
    ) -> None:
        self._bootstrap = bootstrap
        self._small = small
        self._large = large
        self._changes = changes
        self._writers = Writers(small)
        self._life: _Life | None = None
        self._entering = asyncio.Lock()

    async def life(self, *, spanning: bool = False) -> int:
        """Return the number of the life that would write now; BrokerUnavailable without one.

        `spanning` says that it may write over several partitions at once.
        """
        current = await self._current()
        if spanning:
            await current.spanning.enter()
        return current.number

    async def append(self, life: int, place: Place, part: Slice, size_bytes: int) -> int:
        """Return the offset of the part's first record; BrokerUnavailable, OutcomeUnknown."""
        current = await self._same(life)
        try:
            return await current.carrier.put(place, part, size_bytes)
        except OutcomeUnknown:
            self.give_up(life)
            raise

    async def append_spanning(self, life: int, parts: Sequence[Part], size_bytes: int) -> list[int]:
        """Return the first offset of each part, all of them stored or none."""
        current = await self._same(life)
        try:
            return await current.spanning_batcher.put(parts, size_bytes)
        except OutcomeUnknown:
            self.give_up(life)
            raise

    def give_up(self, life: int) -> None:
        """End a life that does not know what it wrote, so that its publishes can be settled."""
        if self._changes.life == life:
            self._changes.renew()

    async def _same(self, life: int) -> _Life:
        current = await self._current()
        if current.number != life:
            raise BrokerUnavailable
        return current

    async def _current(self) -> _Life:
        life = self._life
        if life is not None and life.number == self._changes.life:
            return life
        async with self._entering:
            return await self._enter()

    async def _enter(self) -> _Life:
        number = self._changes.life
        if number is None:
            raise BrokerUnavailable
        if self._life is None or self._life.number != number:
            await self._end()
            self._life = await self._begin(number)
        return self._life

    async def _end(self) -> None:
        """Close the life that is over; what it left open would hold up every reader."""
        over, self._life = self._life, None
        if over is None:
            return
        unfinished = over.spanning.broken
        over.spanning.leave()
        if unfinished:
            with suppress(BrokerUnavailable):
                await self._writers.enter(spanning_id(over.number))

    async def _begin(self, number: int) -> _Life:
        producer = await self._writers.enter(transactional_id(number))
        spanning = SpanningLog(self._bootstrap, number)
        carrier = Carrier(self._small, self._large, producer)
        return _Life(number, carrier, spanning, Batcher(_all_at_once(spanning)))

    async def close(self) -> None:
        if self._life is not None:
            await self._life.spanning.close()
            self._life = None


def _all_at_once(
    log: SpanningLog,
) -> Callable[[Sequence[Sequence[Part]]], Awaitable[list[list[int]]]]:
    async def append(requests: Sequence[Sequence[Part]]) -> list[list[int]]:
        firsts = iter(await log.append([part for parts in requests for part in parts]))
        return [[next(firsts) for _part in parts] for parts in requests]

    return append
