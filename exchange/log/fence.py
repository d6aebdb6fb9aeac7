"""Fences of dead writers: after one, nothing more of the writer's is taken (P4, P5, ADR 0005).

When a writer has died with a request on the wire, whoever settles its publishes takes its
transactional id over and lets the coordinator write an abort marker with the next epoch into each
partition. From that marker on the partition's leader refuses whatever of the dead writer's may
still arrive: the log before the marker is then all there ever will be.

Kafka promises this for transactions; that it holds for idempotent batches of the same producer id
too is shown by tests/integration/exchange/log/test_fence.py on the version in use.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from aiokafka.protocol.transaction import AddPartitionsToTxnRequest, EndTxnRequest

from exchange.log.errors import BrokerUnavailable
from exchange.log.transaction import spanning_id
from exchange.log.writer import (
    OvertakenError,
    Producer,
    Writers,
    raise_code,
    transactional_id,
)

FENCE_SECONDS = 15.0
BUSY_SECONDS = 0.02
BUSY_MAX_SECONDS = 1.0
REMEMBERED_MAX = 10_000

Fence = tuple[int, str]
"""A life and a topic."""


async def fence(
    writers: Writers,
    name: str,
    topic: str,
    partitions: Sequence[int],
    is_fenced: Callable[[], Awaitable[bool]] | None = None,
) -> None:
    """Make the partitions refuse everything that this writer may still have on the wire.

    Whoever fences the same writer at the same time breaks the other's fence; `is_fenced` says
    whether another one has succeeded meanwhile. Raises BrokerUnavailable.
    """
    deadline = asyncio.get_running_loop().time() + FENCE_SECONDS
    pause = BUSY_SECONDS
    while True:
        try:
            await _once(writers, name, topic, partitions)
        except OvertakenError as error:
            if is_fenced is not None and await is_fenced():
                return
            if asyncio.get_running_loop().time() > deadline:
                raise BrokerUnavailable from error
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311
            pause = min(2 * pause, BUSY_MAX_SECONDS)
        else:
            return


async def _once(writers: Writers, name: str, topic: str, partitions: Sequence[int]) -> None:
    producer = await writers.take(name)
    await _begin(writers, name, producer, topic, partitions)
    await _abort(writers, name, producer)
    # The answer comes when the abort is decided; the next producer waits until it is written.
    await writers.take(name)


async def _begin(
    writers: Writers, name: str, producer: Producer, topic: str, partitions: Sequence[int]
) -> None:
    request = AddPartitionsToTxnRequest(
        name, producer.id, producer.epoch, [(topic, list(partitions))]
    )

    async def attempt() -> None:
        answer = await writers.ask_coordinator(name, request)
        for _topic, errors in answer.errors:
            for _partition, code in errors:
                raise_code(code)

    await writers.as_owner(attempt)


async def _abort(writers: Writers, name: str, producer: Producer) -> None:
    request = EndTxnRequest(name, producer.id, producer.epoch, False)  # noqa: FBT003

    async def attempt() -> None:
        answer = await writers.ask_coordinator(name, request)
        raise_code(answer.error_code)

    await writers.as_owner(attempt)


class Fences:
    """One fence for each life and topic, shared by all who ask and remembered.

    `known` says whether some worker has fenced a life off a topic, `remember` tells the others.
    A life never enters again, so a fence holds for good.
    """

    def __init__(
        self,
        writers: Writers,
        known: Callable[[int, str], Awaitable[bool]],
        remember: Callable[[int, str], Awaitable[None]],
    ) -> None:
        self._writers = writers
        self._known = known
        self._remember = remember
        self._fenced: dict[Fence, None] = {}
        self._under_way: dict[Fence, asyncio.Task[None]] = {}

    async def raise_fence(self, life: int, topic: str, partitions: int) -> None:
        """Fence a dead life off all partitions of a topic, once; BrokerUnavailable."""
        which = (life, topic)
        if which in self._fenced:
            return
        task = self._under_way.get(which)
        if task is None:
            task = self._under_way[which] = asyncio.create_task(self._fence(which, partitions))
            task.add_done_callback(lambda done: self._done(which, done))
        await asyncio.shield(task)

    async def _fence(self, which: Fence, partitions: int) -> None:
        life, topic = which
        if await self._known(life, topic):
            return
        names = [transactional_id(life)]
        if partitions > 1:
            names.append(spanning_id(life))

        async def known() -> bool:
            return await self._known(life, topic)

        every = range(partitions)
        await asyncio.gather(*(fence(self._writers, name, topic, every, known) for name in names))
        await self._remember(life, topic)

    def _done(self, which: Fence, done: "asyncio.Task[None]") -> None:
        del self._under_way[which]
        if not done.cancelled() and done.exception() is None:
            if len(self._fenced) >= REMEMBERED_MAX:
                self._fenced.pop(next(iter(self._fenced)))
            self._fenced[which] = None
