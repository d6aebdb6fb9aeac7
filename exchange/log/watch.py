"""Waits for new records without a consumer, thread or timer per waiting client (P9).

One loop for each broker asks it for news of all partitions that anybody waits for and that it
leads; what arrives goes into the cache from which every waiter is served. A broker that hangs, or
a partition without a leader, keeps nobody's news but its own.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError

from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import Connection, is_passing
from exchange.log.errors import BrokerUnavailable
from exchange.log.fetch_session import PARTITION_BYTES, FetchSession
from exchange.log.parsing import parsing
from exchange.log.partitions import TopicPartition
from kernel.clock import epoch, monotonic
from kernel.turns import FairScheduler

log = logging.getLogger(__name__)

# A partition that joins while a request is out is asked for in the next one, this much later.
# The broker looks at every watched partition at each request: with many it is asked less often.
WAIT_MS = 50
WAIT_MAX_MS = 200
PARTITIONS_PER_MS = 8
# Whoever has read its news comes back: until then the partition stays watched.
LINGER_SECONDS = 2.0
# What lost its leader is looked for again after this, and what has none so often.
LOST_SECONDS = 0.1
PLACE_AGAIN_SECONDS = 0.25
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
    """A partition: who waits at which offset, and where to go on when nobody does.

    Without a `node` it is looked for, after a loss not before `lost_until`.
    """

    resume: int
    since: float
    joined: float = 0.0
    node: int | None = None
    lost_until: float = 0.0
    waiting: dict[int, set[Waiter]] = field(default_factory=dict)

    @property
    def offset(self) -> int:
        return min(self.waiting) if self.waiting else self.resume


@dataclass(slots=True)
class _Node:
    """A broker: what it leads of that which is watched, and the loop that asks it."""

    places: dict[TopicPartition, _Watch] = field(default_factory=dict)
    session: FetchSession = field(default_factory=FetchSession)
    asked_at: float = 0.0
    task: "asyncio.Task[None] | None" = None


class Tail:
    def __init__(
        self, connection: Connection, cache: ChunkCache, turns: FairScheduler | None = None
    ) -> None:
        self._connection = connection
        self._cache = cache
        self._turns = turns or FairScheduler()
        self._watches: dict[TopicPartition, _Watch] = {}
        self._nodes: dict[int, _Node] = {}
        self._failure: BaseException | None = None
        self._concerns: dict[Waiter, Concern] = {}
        self._by_subscription: dict[str, set[Waiter]] = {}
        self._ends: dict[int, set[Waiter]] = {}
        self._joined = asyncio.Event()
        self._waiting = asyncio.Event()
        self._woken: deque[Waiter] = deque()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._concerns)

    async def wait(
        self, positions: Mapping[TopicPartition, int], concern: Concern, seconds: float
    ) -> None:
        """Return when a record is at a position, rules that concern it changed, or time is up."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        end = int((monotonic() + seconds) / TICK_SECONDS) + 1
        self._concerns[waiter] = concern
        self._by_subscription.setdefault(concern.subscription, set()).add(waiter)
        self._ends.setdefault(end, set()).add(waiter)
        for topic_partition, offset in positions.items():
            watch = self._watches.get(topic_partition)
            if watch is None:
                watch = self._watches[topic_partition] = _Watch(offset, 0.0)
                self._joined.set()
            watch.waiting.setdefault(offset, set()).add(waiter)
        self._waiting.set()
        try:
            await waiter
        finally:
            del self._concerns[waiter]
            _discard(self._by_subscription, concern.subscription, waiter)
            _discard(self._ends, end, waiter)
            self._leave(waiter, positions)

    def quiet_at(self, topic_partition: TopicPartition) -> float | None:
        """Return when the leader was last asked whose answer told whoever waits of nothing new.

        In seconds since 1970; None where that is not known.
        """
        watch = self._watches.get(topic_partition)
        node = None if watch is None or watch.node is None else self._nodes.get(watch.node)
        if watch is None or node is None or node.asked_at <= watch.joined:
            return None
        return node.asked_at

    def _leave(self, waiter: Waiter, positions: Mapping[TopicPartition, int]) -> None:
        for topic_partition, offset in positions.items():
            watch = self._watches.get(topic_partition)
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
        """Watch for ever; a lost broker or leader is waited for, and keeps nobody else's news.

        Each broker has a loop of its own while it leads what anybody waits for. What was not
        foreseen is raised.
        """
        try:
            while True:
                self._joined.clear()
                homeless = await self._place()
                with suppress(TimeoutError):
                    async with asyncio.timeout(PLACE_AGAIN_SECONDS if homeless else None):
                        await self._joined.wait()
                if self._failure is not None:
                    raise self._failure
        finally:
            tasks = [each.task for each in self._nodes.values() if each.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _place(self) -> bool:
        """Give partitions without one to their leaders' loops; return whether some are left.

        A partition without a leader is left out: whoever waits for it waits for its time.
        """
        homeless = [
            (topic_partition, watch)
            for topic_partition, watch in self._watches.items()
            if watch.node is None
        ]
        now = monotonic()
        due = [
            (topic_partition, watch)
            for topic_partition, watch in homeless
            if watch.lost_until <= now
        ]
        unknown = {
            topic_partition[0]
            for topic_partition, watch in due
            if watch.lost_until or self._connection.known_leader(*topic_partition) is None
        }
        if unknown:
            try:
                await self._connection.refresh(unknown)
            except BrokerUnavailable as error:
                log.debug("tail: %r", error)
                return True
        for topic_partition, watch in due:
            node = self._connection.known_leader(*topic_partition)
            if self._watches.get(topic_partition) is watch and node is not None:
                self._give(topic_partition, watch, node)
            elif not watch.waiting:
                self._watches.pop(topic_partition, None)
        return any(watch.node is None for watch in self._watches.values())

    def _give(self, topic_partition: TopicPartition, watch: _Watch, node: int) -> None:
        watch.node, watch.lost_until, watch.joined = node, 0.0, epoch()
        its = self._nodes.get(node)
        if its is None:
            its = self._nodes[node] = _Node()
            its.task = asyncio.create_task(self._watch_node(node, its))
            its.task.add_done_callback(self._node_ended)
        its.places[topic_partition] = watch

    def _node_ended(self, done: "asyncio.Task[None]") -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            self._failure = error
            self._joined.set()

    async def _watch_node(self, node: int, its: _Node) -> None:
        """Watch what a broker leads, until nobody waits for that or it does not answer."""
        session = its.session
        try:
            while wanted_offsets := self._wanted(its):
                wait_ms = min(WAIT_MS + len(wanted_offsets) // PARTITIONS_PER_MS, WAIT_MAX_MS)
                asked_at = epoch()
                answer = await self._connection.send(node, session.request(wanted_offsets, wait_ms))
                offsets = session.answered(answer)
                for topic, partitions in answer.topics:
                    for info in partitions:
                        topic_partition = (topic, info[0])
                        if topic_partition in offsets:
                            await self._received(topic_partition, offsets[topic_partition], info)
                its.asked_at = asked_at
        except (KafkaError, BrokerUnavailable, OSError, TimeoutError) as error:
            log.warning("tail of broker %d: %r", node, error)
        del self._nodes[node]
        for topic_partition, watch in its.places.items():
            if self._watches.get(topic_partition) is watch:
                self._lose(watch)

    def _lose(self, watch: _Watch) -> None:
        """Let a partition be placed anew, a little later."""
        watch.node, watch.lost_until = None, monotonic() + LOST_SECONDS
        self._joined.set()

    def _wanted(self, its: _Node) -> dict[TopicPartition, int]:
        """Return where to go on with each partition; what nobody has waited for is dropped."""
        oldest = monotonic() - LINGER_SECONDS
        for topic_partition, watch in list(its.places.items()):
            if self._watches.get(topic_partition) is not watch:
                del its.places[topic_partition]
            elif not watch.waiting and watch.since < oldest:
                del its.places[topic_partition], self._watches[topic_partition]
        return {topic_partition: watch.offset for topic_partition, watch in its.places.items()}

    async def _received(
        self, topic_partition: TopicPartition, offset: int, info: Sequence[Any]
    ) -> None:
        try:
            chunk = await self._turns.finish(parsing(info, offset, PARTITION_BYTES))
        except KafkaError as error:
            self._failed(topic_partition, error)
            return
        except Exception:
            # One partition's records end neither the news of others nor this loop.
            log.exception("tail of %s from %d", topic_partition, offset)
            self._hand_over(topic_partition)
            return
        self._cache.add(topic_partition, chunk)
        watch = self._watches.get(topic_partition)
        if watch is None or chunk.next_offset <= offset:
            return
        watch.resume = max(watch.resume, chunk.next_offset)
        watch.since = monotonic()
        for reached in [each for each in watch.waiting if each < chunk.next_offset]:
            self._wake(watch.waiting.pop(reached))

    def _failed(self, topic_partition: TopicPartition, error: KafkaError) -> None:
        log.info("tail of %s: %r", topic_partition, error)
        watch = self._watches.get(topic_partition)
        if not is_passing(error):
            self._hand_over(topic_partition)
        elif watch is not None and watch.node is not None:
            self._nodes[watch.node].places.pop(topic_partition, None)
            self._lose(watch)

    def _hand_over(self, topic_partition: TopicPartition) -> None:
        """Let the waiters ask the reader, which tells the client what is wrong with a position."""
        watch = self._watches.pop(topic_partition, None)
        if watch is not None:
            for waiters in watch.waiting.values():
                self._wake(waiters)


def _discard(groups: dict[Any, set[Waiter]], key: object, waiter: Waiter) -> None:
    """Take a waiter out of its group, and a group that is empty out of the groups."""
    group = groups.get(key)
    if group is not None:
        group.discard(waiter)
        if not group:
            del groups[key]
