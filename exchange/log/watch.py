"""Waits for new records without a consumer, thread or timer per waiting client (P9).

One loop per worker asks each broker for news of all partitions that anybody waits for, and what
arrives goes into the cache from which every waiter is served.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError

from exchange.log.connection import BACKOFF_SECONDS, Connection, is_passing
from exchange.log.errors import BrokerUnavailable
from exchange.log.fetch_session import FetchSession, Place
from exchange.log.reader import ChunkCache, parse
from kernel.clock import monotonic

log = logging.getLogger(__name__)

# A partition that joins while a request is out is asked for in the next one, this much later.
# The broker looks at every watched partition at each request: with many it is asked less often.
WAIT_MS = 50
WAIT_MAX_MS = 200
PARTITIONS_PER_MS = 8
# Whoever has read its news comes back: until then the partition stays watched.
LINGER_SECONDS = 2.0
# Polls end this much late at most: one timer for all of them.
TICK_SECONDS = 0.05
# So many waiters look at the log before other requests have their turn.
WOKEN_AT_ONCE = 32

Waiter = asyncio.Future[None]


class Concern(NamedTuple):
    """Whose rules a waiter depends on: a change of any of them must reach it."""

    subscription: str
    client: str
    department: str
    token: str


@dataclass(slots=True)
class _Watch:
    """A partition: who waits at which offset, and where to go on when nobody does."""

    resume: int
    since: float
    node: int | None = None
    waiting: dict[int, set[Waiter]] = field(default_factory=dict)

    @property
    def offset(self) -> int:
        return min(self.waiting) if self.waiting else self.resume


class Tail:
    def __init__(self, connection: Connection, cache: ChunkCache) -> None:
        self._connection = connection
        self._cache = cache
        self._watches: dict[Place, _Watch] = {}
        self._sessions: dict[int, FetchSession] = {}
        self._concerns: dict[Waiter, Concern] = {}
        self._by_subscription: dict[str, set[Waiter]] = {}
        self._ends: dict[int, set[Waiter]] = {}
        self._watching = asyncio.Event()
        self._waiting = asyncio.Event()
        self._woken: deque[Waiter] = deque()

    async def wait(self, positions: Mapping[Place, int], concern: Concern, seconds: float) -> None:
        """Return when a record is at a position, rules that concern it changed, or time is up."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        end = int((monotonic() + seconds) / TICK_SECONDS) + 1
        self._concerns[waiter] = concern
        self._by_subscription.setdefault(concern.subscription, set()).add(waiter)
        self._ends.setdefault(end, set()).add(waiter)
        for place, offset in positions.items():
            watch = self._watches.get(place)
            if watch is None:
                watch = self._watches[place] = _Watch(offset, 0.0)
            watch.waiting.setdefault(offset, set()).add(waiter)
        self._watching.set()
        self._waiting.set()
        try:
            await waiter
        finally:
            del self._concerns[waiter]
            _discard(self._by_subscription, concern.subscription, waiter)
            _discard(self._ends, end, waiter)
            self._leave(waiter, positions)

    def _leave(self, waiter: Waiter, positions: Mapping[Place, int]) -> None:
        for place, offset in positions.items():
            watch = self._watches.get(place)
            if watch is not None and offset in watch.waiting:
                _discard(watch.waiting, offset, waiter)
                if not watch.waiting:
                    watch.resume, watch.since = max(watch.resume, offset), monotonic()

    def wake_subscription(self, subscription_id: str) -> None:
        """Let the waiters of one subscription look at its rules again."""
        self._wake(self._by_subscription.get(subscription_id, ()))

    def wake_concerned(self, key: str) -> None:
        """Let whoever depends on this client, department or token look at its rules again."""
        self._wake([waiter for waiter, concern in self._concerns.items() if key in concern])

    def wake(self) -> None:
        """Let everybody look at their rules again."""
        self._wake(self._concerns)

    def _wake(self, waiters: Iterable[Waiter]) -> None:
        """Wake them a few at a time: thousands must not hold up everybody else (P9)."""
        ringing = bool(self._woken)
        self._woken.extend(waiters)
        if self._woken and not ringing:
            self._ring()

    def _ring(self) -> None:
        woken = self._woken
        for _ in range(min(WOKEN_AT_ONCE, len(woken))):
            waiter = woken.popleft()
            if not waiter.done():
                waiter.set_result(None)
        if woken:
            asyncio.get_running_loop().call_soon(self._ring)

    async def end_waits(self) -> None:
        """End for ever the waits whose time is up."""
        while True:
            if not self._concerns:
                self._waiting.clear()
            await self._waiting.wait()
            await asyncio.sleep(TICK_SECONDS)
            now = int(monotonic() / TICK_SECONDS)
            for end in [end for end in self._ends if end <= now]:
                self._wake(self._ends[end])

    async def run(self) -> None:
        """Watch for ever; a lost broker is waited for."""
        while True:
            if not self._watches:
                self._watching.clear()
            await self._watching.wait()
            try:
                await self._round()
            except (KafkaError, BrokerUnavailable, OSError, TimeoutError) as error:
                log.warning("tail: %r", error)
                await asyncio.sleep(BACKOFF_SECONDS)
                await self._begin_anew()

    async def _begin_anew(self) -> None:
        """Forget the sessions, and learn the leaders again."""
        self._sessions.clear()
        for watch in self._watches.values():
            watch.node = None
        try:
            await self._connection.refresh()
        except (KafkaError, BrokerUnavailable, OSError, TimeoutError) as error:
            log.debug("tail: %r", error)

    async def _round(self) -> None:
        by_node: dict[int, dict[Place, int]] = {}
        left = monotonic() - LINGER_SECONDS
        for place, watch in list(self._watches.items()):
            if not watch.waiting and watch.since < left:
                del self._watches[place]
        await self._find_leaders()
        for place, watch in self._watches.items():
            if watch.node is not None:
                by_node.setdefault(watch.node, {})[place] = watch.offset
        await asyncio.gather(*(self._ask(node, wanted) for node, wanted in by_node.items()))

    async def _find_leaders(self) -> None:
        """Learn who leads the partitions that have joined, all of them at once."""
        joined = [(place, watch) for place, watch in self._watches.items() if watch.node is None]
        nodes = await asyncio.gather(*(self._connection.leader(*place) for place, _ in joined))
        for (_place, watch), node in zip(joined, nodes, strict=True):
            watch.node = node

    async def _ask(self, node: int, wanted: Mapping[Place, int]) -> None:
        session = self._sessions.setdefault(node, FetchSession())
        wait_ms = min(WAIT_MS + len(wanted) // PARTITIONS_PER_MS, WAIT_MAX_MS)
        answer = await self._connection.send(node, session.request(wanted, wait_ms))
        session.answered(answer)
        for topic, partitions in answer.topics:
            for info in partitions:
                place = (topic, info[0])
                self._received(place, wanted[place], info)

    def _received(self, place: Place, offset: int, info: Sequence[Any]) -> None:
        watch = self._watches.get(place)
        if watch is None:
            return
        try:
            chunk = parse(info, offset)
        except KafkaError as error:
            self._failed(place, watch, error)
            return
        if chunk.next_offset > offset:
            self._cache.add(place, chunk)
            watch.resume, watch.since = chunk.next_offset, monotonic()
            for reached in [each for each in watch.waiting if each < chunk.next_offset]:
                self._wake(watch.waiting.pop(reached))

    def _failed(self, place: Place, watch: _Watch, error: KafkaError) -> None:
        """Let the waiters ask the reader, which tells the client what is wrong with a position."""
        log.info("tail of %s: %r", place, error)
        for waiters in watch.waiting.values():
            self._wake(waiters)
        del self._watches[place]
        if is_passing(error):
            raise error


def _discard(groups: dict[Any, set[Waiter]], key: object, waiter: Waiter) -> None:
    """Take a waiter out of its group, and a group that is empty out of the groups."""
    group = groups.get(key)
    if group is not None:
        group.discard(waiter)
        if not group:
            del groups[key]
