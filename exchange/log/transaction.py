"""All or nothing over several partitions: one Kafka transaction for all requests that wait.

Only resources with more than one partition come here. Readers ask for committed records, so a
batch whose worker died half-way is never seen (P4, P5).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from exchange.log.access import Brokers, access
from exchange.log.aiokafka_internals import pause_between_updates
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from exchange.log.packing.packer import RECORD_BYTES
from exchange.log.partitions import TopicPartition
from exchange.log.produce import GIVE_UP_SECONDS, Slice
from exchange.log.topics import MESSAGE_MAX_BYTES
from exchange.log.writer import TRANSACTION_TIMEOUT_MS, transactional_id

log = logging.getLogger(__name__)

ENTER_SECONDS = 15.0
CLOSE_SECONDS = 3.0
GROUP_BYTES = 1024 * 1024
"""Parts of several requests share a batch up to this size."""
HEAD_BYTES = 1024
"""More than the headers of a request's first record take."""

_Numbered = tuple[int, Slice]


def spanning_id(life: int) -> str:
    """The transactional id of a worker life's spanning batches."""
    return transactional_id(life) + ".spanning"


class SpanningLog:
    """Writes batches that span partitions, after `enter`; appends must not overlap.

    It enters once, before any of its batches is noted, and never again: a writer that enters
    after its life was fenced would write past the fence.
    """

    def __init__(self, brokers: Brokers, life: int) -> None:
        self._access = access(brokers)
        self._life = life
        self._producer: AIOKafkaProducer | None = None
        self._entering = asyncio.Lock()
        self._retired: set[asyncio.Task[None]] = set()
        self.broken = False

    async def enter(self) -> None:
        """Take the writer's place, unless it is taken; BrokerUnavailable."""
        if self._producer is not None:
            return
        async with self._entering:
            if self.broken:
                raise BrokerUnavailable
            if self._producer is None:
                self._producer = await self._open()

    async def append(self, parts: Sequence[tuple[TopicPartition, Slice]]) -> list[int]:
        """Return the first offset of each part once all of them are committed.

        Raises BrokerUnavailable when nothing was written, OutcomeUnknown when it may have been.
        """
        producer = self._producer
        if producer is None:
            raise BrokerUnavailable
        try:
            # aiokafka itself tries for as long as the broker is away.
            async with asyncio.timeout(GIVE_UP_SECONDS):
                await producer.begin_transaction()
                # Each partition by itself: one after another they would add up their waits.
                shares = _by_partition(parts).items()
                stored = await asyncio.gather(
                    *(_send(producer, topic_partition, share) for topic_partition, share in shares)
                )
                await producer.commit_transaction()
        except Exception as error:
            if not isinstance(error, (KafkaError, OSError, TimeoutError)):
                log.exception("a transaction failed in a way of its own")
            self.broken, self._producer = True, None
            self._retire(producer)
            raise OutcomeUnknown from error
        firsts = dict(chain.from_iterable(stored))
        return [firsts[number] for number in range(len(parts))]

    async def _open(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._access.options(),
            transactional_id=spanning_id(self._life),
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_request_size=MESSAGE_MAX_BYTES,
            max_batch_size=MESSAGE_MAX_BYTES,
        )
        pause_between_updates(producer.client)
        try:
            async with asyncio.timeout(ENTER_SECONDS):
                await producer.start()
        except Exception as error:
            if not isinstance(error, (KafkaError, OSError, TimeoutError)):
                log.exception("a producer could not start")
            self._retire(producer)
            raise BrokerUnavailable from error
        return producer

    def _retire(self, producer: AIOKafkaProducer) -> None:
        """Stop a producer that nobody waits for: it may try on until its broker is back."""
        task = asyncio.create_task(producer.stop())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    def leave(self) -> None:
        """Write no more, without waiting."""
        self.broken = True
        if self._producer is not None:
            producer, self._producer = self._producer, None
            self._retire(producer)

    async def close(self) -> None:
        """Stop what was started; a producer that cannot end is left behind."""
        self.leave()
        if self._retired:
            await asyncio.wait(self._retired, timeout=CLOSE_SECONDS)


def _by_partition(
    parts: Sequence[tuple[TopicPartition, Slice]],
) -> dict[TopicPartition, list[_Numbered]]:
    """Return the parts of each partition in their order, numbered as they came."""
    shares: dict[TopicPartition, list[_Numbered]] = {}
    for number, (topic_partition, share) in enumerate(parts):
        shares.setdefault(topic_partition, []).append((number, share))
    return shares


async def _send(
    producer: AIOKafkaProducer, topic_partition: TopicPartition, numbered: Sequence[_Numbered]
) -> list[tuple[int, int]]:
    """Store the parts of one partition in as few batches as hold them; return their first offsets.

    A part is never split: nobody else's records may come between its own.
    """
    topic, partition = topic_partition
    firsts: list[tuple[int, int]] = []
    waiting = deque(numbered)
    while waiting:
        batch, count = producer.create_batch(), 0
        places: list[tuple[int, int]] = []
        while waiting and (not places or batch.size() + _size(waiting[0][1]) <= GROUP_BYTES):
            number, share = waiting.popleft()
            places.append((number, count))
            _fill(batch, share)
            count += len(share.keys)
        stored = await (await producer.send_batch(batch, topic, partition=partition))
        firsts += [(number, stored.offset + first) for number, first in places]
        # Making a batch took a while: everybody else has a round of the loop.
        await asyncio.sleep(0)
    return firsts


def _fill(batch: Any, share: Slice) -> None:  # noqa: ANN401 - aiokafka is untyped
    headers = share.headers
    for key, value in zip(share.keys, share.values, strict=True):
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            raise MessageSizeTooLargeError
        headers = []


def _size(share: Slice) -> int:
    values = sum([len(value) for value in share.values if value is not None])
    return HEAD_BYTES + RECORD_BYTES * len(share.keys) + sum(map(len, share.keys)) + values
