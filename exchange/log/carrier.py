"""Carries what waits for many partitions to their leaders: many partitions in one request (P9).

There is no linger timer: while a request is under way the next one fills, so a lone record waits
for nobody, and under load a request holds all that came in one round trip. Each broker has lanes
of its own, so that one that hangs holds up nobody else's partitions; small and large loads travel
apart, so that a record does not queue behind megabytes. A partition has one batch under way at
most, in whichever lane: its order is that of arrival.

No `kernel.group_commit` can do this: a request takes from the queues of many partitions at once,
large ones go two at a time, and a batch that is refused or unanswered is settled by itself while
the others of its request go on.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown, WriterOver
from exchange.log.packing.packer import RECORD_BYTES
from exchange.log.partitions import TopicPartition
from exchange.log.produce import (
    Frame,
    PartitionLog,
    Slice,
    first_offset,
    produce_request,
    refusal_of,
)
from exchange.log.refusals import Verdict, verdict_on
from exchange.log.writer import Producer
from kernel.errors import BatchTooLarge, Unavailable

log = logging.getLogger(__name__)

LARGE_BYTES = 32 * 1024
BATCH_BYTES = 1024 * 1024
REQUEST_BYTES = 4 * 1024 * 1024
# A second small request would only wait at the broker, which answers a connection in order; what
# comes meanwhile goes together in the next. Megabytes travel while those before are written.
SMALL_UNDER_WAY, LARGE_UNDER_WAY = 1, 2
HEAD_BYTES = 512
"""What the headers of a request's first record take, about."""


class _Waiting(msgspec.Struct):
    share: Slice
    size_bytes: int
    stored: "asyncio.Future[int]"


class _Queue:
    """What waits for one partition; `engaged` while it is listed or under way.

    `singly` counts the parts at its head that were too large together.
    """

    __slots__ = ("engaged", "log", "singly", "size_bytes", "waiting")

    def __init__(self, log_: PartitionLog) -> None:
        self.log = log_
        self.waiting: deque[_Waiting] = deque()
        self.size_bytes = 0
        self.singly = 0
        self.engaged = False

    def take(self) -> list[_Waiting]:
        """Take what fits into one batch, at least one; a part is never split."""
        batch: list[_Waiting] = []
        room = 0 if self.singly else BATCH_BYTES
        self.singly = max(0, self.singly - 1)
        while self.waiting and (not batch or self.waiting[0].size_bytes <= room):
            each = self.waiting.popleft()
            room -= each.size_bytes
            self.size_bytes -= each.size_bytes
            batch.append(each)
        return batch

    def take_all(self) -> list[_Waiting]:
        batch, self.size_bytes, self.singly = list(self.waiting), 0, 0
        self.waiting.clear()
        return batch

    def give_back(self, batch: Sequence[_Waiting]) -> None:
        """Put parts that were refused together back at the head, to be sent one by one."""
        self.waiting.extendleft(reversed(batch))
        self.size_bytes += sum([each.size_bytes for each in batch])
        self.singly += len(batch)


class _Load(msgspec.Struct):
    """One partition's batch in a request."""

    queue: _Queue
    batch: list[_Waiting]
    frame: Frame


@dataclass(slots=True)
class _Lane:
    """The way to one broker, for small or for large loads."""

    connection: Connection
    node: int
    most: int
    ready: deque[_Queue] = field(default_factory=deque)
    under_way: int = 0


class Carrier:
    """The way into the log of one writer; each partition's queue opens when it is first needed."""

    def __init__(self, small: Connection, large: Connection, producer: Producer) -> None:
        self._small, self._large = small, large
        self._lanes: dict[tuple[Connection, int], _Lane] = {}
        self._producer = producer
        self._queues: dict[TopicPartition, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    async def put(self, topic_partition: TopicPartition, share: Slice, size_bytes: int) -> int:
        """Return the offset of the part's first record; a caller that leaves stops nothing.

        `size_bytes` are those of the values. Raises BrokerUnavailable or BatchTooLarge when nothing
        was stored, OutcomeUnknown when it may have been.
        """
        queue = self._queues.get(topic_partition) or self._open(topic_partition)
        if queue.log.broken:
            raise BrokerUnavailable
        stored: asyncio.Future[int] = self._loop.create_future()
        size_bytes += HEAD_BYTES + RECORD_BYTES * len(share.keys) + sum(map(len, share.keys))
        queue.waiting.append(_Waiting(share, size_bytes, stored))
        queue.size_bytes += size_bytes
        if not queue.engaged:
            queue.engaged = True
            self._list(queue)
        return await stored

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not self._tasks

    def _open(self, topic_partition: TopicPartition) -> _Queue:
        queue = self._queues[topic_partition] = _Queue(
            PartitionLog(*topic_partition, self._producer)
        )
        return queue

    def _list(self, queue: _Queue) -> None:
        connection = self._large if queue.size_bytes > LARGE_BYTES else self._small
        node = connection.known_leader(*queue.log.topic_partition)
        if node is None:
            self._start(self._seek_leader(queue, connection))
            return
        lane = self._lanes.get((connection, node)) or self._open_lane(connection, node)
        lane.ready.append(queue)
        if lane.under_way < lane.most:
            lane.under_way += 1
            self._start(self._drain(lane))

    def _open_lane(self, connection: Connection, node: int) -> _Lane:
        most = LARGE_UNDER_WAY if connection is self._large else SMALL_UNDER_WAY
        lane = self._lanes[connection, node] = _Lane(connection, node, most)
        return lane

    async def _seek_leader(self, queue: _Queue, connection: Connection) -> None:
        """List the queue once its partition has a leader; without one, refuse what waits."""
        try:
            await connection.leader(*queue.log.topic_partition)
        except (BrokerUnavailable, KafkaError, OSError, TimeoutError):
            _fail(queue.take_all(), BrokerUnavailable)
            queue.engaged = False
        else:
            self._list(queue)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, lane: _Lane) -> None:
        try:
            while lane.ready:
                if loads := await self._load(lane):
                    await self._carry(lane, loads)
        finally:
            lane.under_way -= 1

    async def _load(self, lane: _Lane) -> list[_Load]:
        loads: list[_Load] = []
        size = 0
        while lane.ready and size < REQUEST_BYTES:
            queue = lane.ready.popleft()
            if lane.connection.known_leader(*queue.log.topic_partition) != lane.node:
                self._list(queue)
                continue
            batch = queue.take()
            try:
                frame = queue.log.frame([each.share for each in batch])
            except Exception as error:
                if not isinstance(error, MessageSizeTooLargeError):
                    log.exception("a batch for %s could not be made", queue.log.topic_partition)
                self._refused(queue, batch, refusal_of(verdict_on(error)))
                continue
            loads.append(_Load(queue, batch, frame))
            batch_bytes = sum([each.size_bytes for each in batch])
            size += batch_bytes
            if batch_bytes > LARGE_BYTES:
                # Making it took a while: everybody else has a round of the loop.
                await asyncio.sleep(0)
        return loads

    async def _carry(self, lane: _Lane, loads: Sequence[_Load]) -> None:
        request = produce_request(
            (load.queue.log.topic_partition, load.frame.batch) for load in loads
        )
        try:
            answer = await lane.connection.send(lane.node, request)
        except (BrokerUnavailable, TimeoutError, KafkaError, OSError) as error:
            log.info("a request of %d partitions is tried again: %r", len(loads), error)
            unsent = isinstance(error, BrokerUnavailable)
            verdict = Verdict.NOT_YET if unsent else verdict_on(error)
            for load in loads:
                self._start(self._send_alone(lane, load, verdict))
            return
        outcomes = {(topic, info[0]): info for topic, infos in answer.topics for info in infos}
        for load in loads:
            self._settle(lane, load, outcomes[load.queue.log.topic_partition])

    def _settle(self, lane: _Lane, load: _Load, info: Sequence[int]) -> None:
        try:
            offset = first_offset(info)
        except KafkaError as error:
            verdict = verdict_on(error)
            if verdict.final:
                log.warning("append to %s-%s: %r", *load.queue.log.topic_partition, error)
                self._refused(load.queue, load.batch, refusal_of(verdict))
            else:
                self._start(self._send_alone(lane, load, verdict))
        else:
            self._stored(load, offset)

    async def _send_alone(self, lane: _Lane, load: _Load, first: Verdict) -> None:
        """Try one partition's batch again by itself, so that the others need not wait for it."""
        try:
            offset = await load.queue.log.send_until_stored(
                load.frame, lane.connection, first=first
            )
        except (BrokerUnavailable, BatchTooLarge, OutcomeUnknown) as error:
            self._refused(load.queue, load.batch, error)
        else:
            self._stored(load, offset)

    def _refused(
        self, queue: _Queue, batch: Sequence[_Waiting], refusal: Unavailable | BatchTooLarge
    ) -> None:
        """Tell those whose batch is not stored; one that was too large is tried part by part."""
        if isinstance(refusal, BatchTooLarge) and len(batch) > 1:
            queue.give_back(batch)
        else:
            queue.log.broken |= isinstance(refusal, WriterOver)
            _fail(batch, type(refusal))
        self._free(queue)

    def _stored(self, load: _Load, offset: int) -> None:
        load.queue.log.advance(load.frame)
        for each in load.batch:
            if not each.stored.done():
                each.stored.set_result(offset)
            offset += len(each.share.keys)
        self._free(load.queue)

    def _free(self, queue: _Queue) -> None:
        if queue.log.broken:
            # What was never sent can be tried again without harm.
            _fail(queue.take_all(), BrokerUnavailable)
        queue.engaged = bool(queue.waiting)
        if queue.engaged:
            self._list(queue)


def _fail(waiting: Iterable[_Waiting], refusal: type[Unavailable | BatchTooLarge]) -> None:
    for each in waiting:
        if not each.stored.done():
            each.stored.set_exception(refusal())
            each.stored.exception()  # its waiter may have left; then nobody else asks for it
