"""Carries what waits for many partitions to their leaders: many partitions in one request (P9).

There is no linger timer: while a request is under way the next one fills, so a lone record waits
for nobody, and under load a request holds all that came in one round trip. Small and large loads
travel apart, so that a record does not queue behind megabytes. A partition has one batch under
way at most, in whichever lane: its order is that of arrival.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiokafka.errors import KafkaError

from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from exchange.log.produce import (
    Frame,
    PartitionLog,
    Place,
    Slice,
    first_offset,
    produce_request,
)
from exchange.log.writer import Producer
from kernel.errors import Unavailable

log = logging.getLogger(__name__)

LARGE_BYTES = 32 * 1024
BATCH_BYTES = 1024 * 1024
REQUEST_BYTES = 4 * 1024 * 1024
REQUESTS_UNDER_WAY = 2


class _Waiting(msgspec.Struct):
    part: Slice
    size_bytes: int
    stored: "asyncio.Future[int]"


class _Queue:
    """What waits for one partition; `engaged` while it is listed or under way."""

    __slots__ = ("engaged", "log", "size_bytes", "waiting")

    def __init__(self, log_: PartitionLog) -> None:
        self.log = log_
        self.waiting: deque[_Waiting] = deque()
        self.size_bytes = 0
        self.engaged = False

    def take(self) -> list[_Waiting]:
        """Take what fits into one batch, at least one; a part is never split."""
        taken: list[_Waiting] = []
        room = BATCH_BYTES
        while self.waiting and (not taken or self.waiting[0].size_bytes <= room):
            each = self.waiting.popleft()
            room -= each.size_bytes
            self.size_bytes -= each.size_bytes
            taken.append(each)
        return taken


class _Load(msgspec.Struct):
    """One partition's batch in a request."""

    queue: _Queue
    taken: list[_Waiting]
    frame: Frame


@dataclass(slots=True)
class _Lane:
    connection: Connection
    ready: deque[_Queue] = field(default_factory=deque)
    under_way: int = 0


class Carrier:
    """The way into the log of one writer; each partition's queue opens when it is first needed."""

    def __init__(self, small: Connection, large: Connection, producer: Producer) -> None:
        self._small, self._large = _Lane(small), _Lane(large)
        self._producer = producer
        self._queues: dict[Place, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, place: Place, part: Slice, size_bytes: int) -> int:
        """Return the offset of the part's first record; a caller that leaves stops nothing.

        Raises BrokerUnavailable when nothing was stored, OutcomeUnknown when it may have been.
        """
        queue = self._queues.get(place) or self._open(place)
        if queue.log.broken:
            raise BrokerUnavailable
        stored: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        queue.waiting.append(_Waiting(part, size_bytes, stored))
        queue.size_bytes += size_bytes
        if not queue.engaged:
            self._list(queue)
        return await stored

    def _open(self, place: Place) -> _Queue:
        queue = self._queues[place] = _Queue(PartitionLog(*place, self._producer))
        return queue

    def _list(self, queue: _Queue) -> None:
        queue.engaged = True
        lane = self._large if queue.size_bytes > LARGE_BYTES else self._small
        lane.ready.append(queue)
        if lane.under_way < REQUESTS_UNDER_WAY:
            lane.under_way += 1
            self._start(self._drain(lane))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, lane: _Lane) -> None:
        try:
            while lane.ready:
                await self._carry(lane, await self._load(lane))
        finally:
            lane.under_way -= 1

    async def _load(self, lane: _Lane) -> list[_Load]:
        loads: list[_Load] = []
        size = 0
        while lane.ready and size < REQUEST_BYTES:
            queue = lane.ready.popleft()
            taken = queue.take()
            try:
                frame = queue.log.frame([each.part for each in taken])
            except Exception:
                log.exception("a batch for %s could not be made", queue.log.place)
                _fail(taken, BrokerUnavailable)
                self._free(queue)
                continue
            loads.append(_Load(queue, taken, frame))
            size += len(frame.batch)
            if len(frame.batch) > LARGE_BYTES:
                # Making it took a while: everybody else has a round of the loop.
                await asyncio.sleep(0)
        return loads

    async def _carry(self, lane: _Lane, loads: Sequence[_Load]) -> None:
        by_leader: defaultdict[int, list[_Load]] = defaultdict(list)
        for load in loads:
            node = lane.connection.known_leader(*load.queue.log.place)
            if node is None:
                self._start(self._insist(lane, load, sent=False))
            else:
                by_leader[node].append(load)
        if len(by_leader) == 1:
            [(node, theirs)] = by_leader.items()
            await self._ask(lane, node, theirs)
        else:
            await asyncio.gather(*(self._ask(lane, *each) for each in by_leader.items()))

    async def _ask(self, lane: _Lane, node: int, loads: Sequence[_Load]) -> None:
        request = produce_request((load.queue.log.place, load.frame.batch) for load in loads)
        try:
            answer = await lane.connection.send(node, request)
        except (BrokerUnavailable, TimeoutError, KafkaError, OSError) as error:
            log.info("a request of %d partitions is tried again: %r", len(loads), error)
            sent = not isinstance(error, BrokerUnavailable)
            for load in loads:
                self._start(self._insist(lane, load, sent=sent))
            return
        told = {(topic, info[0]): info for topic, infos in answer.topics for info in infos}
        for load in loads:
            self._settle(lane, load, told[load.queue.log.place])

    def _settle(self, lane: _Lane, load: _Load, info: Sequence[int]) -> None:
        try:
            offset = first_offset(info)
        except KafkaError:
            self._start(self._insist(lane, load, sent=True))
        else:
            self._stored(load, offset)

    async def _insist(self, lane: _Lane, load: _Load, *, sent: bool) -> None:
        """Try one partition's batch again by itself, so that the others need not wait for it."""
        try:
            offset = await load.queue.log.insist(load.frame, lane.connection, sent=sent)
        except (BrokerUnavailable, OutcomeUnknown) as error:
            _fail(load.taken, type(error))
            self._free(load.queue)
        else:
            self._stored(load, offset)

    def _stored(self, load: _Load, offset: int) -> None:
        load.queue.log.took(load.frame)
        for each in load.taken:
            if not each.stored.done():
                each.stored.set_result(offset)
            offset += len(each.part.keys)
        self._free(load.queue)

    def _free(self, queue: _Queue) -> None:
        queue.engaged = False
        if queue.log.broken:
            # What was never sent can be tried again without harm.
            _fail(queue.waiting, BrokerUnavailable)
            queue.waiting.clear()
        elif queue.waiting:
            self._list(queue)


def _fail(waiting: Iterable[_Waiting], refusal: type[Unavailable]) -> None:
    for each in waiting:
        if not each.stored.done():
            each.stored.set_exception(refusal())
            each.stored.exception()  # its waiter may have left; then nobody else asks for it
