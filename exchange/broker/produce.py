"""Appends record batches to a partition: idempotent, acks=all, one batch in flight (P4)."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka.errors import (
    DuplicateSequenceNumber,
    KafkaError,
    MessageSizeTooLargeError,
    for_code,
)
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from exchange.broker.client import BACKOFF_SECONDS, Connection, is_passing
from exchange.broker.errors import BrokerUnavailable, OutcomeUnknown
from exchange.broker.headers import Headers
from exchange.broker.topics import MESSAGE_MAX_BYTES
from exchange.broker.writer import Producer

log = logging.getLogger(__name__)

ACKS_ALL = -1
PRODUCE_TIMEOUT_MS = 15_000
GIVE_UP_SECONDS = 30.0
SEQUENCE_LIMIT = 2**31
MAGIC = 2


@dataclass(frozen=True, slots=True)
class Slice:
    """Records of one request for one partition, kept together; `values` None is a delete."""

    keys: Sequence[bytes]
    values: Sequence[bytes | None]
    headers: Headers


def build(slices: Sequence[Slice], producer: Producer, sequence: int) -> bytearray:
    """Return one record batch that holds the slices one after another."""
    builder = DefaultRecordBatchBuilder(
        magic=MAGIC, compression_type=0, is_transactional=0, producer_id=producer.id,
        producer_epoch=producer.epoch, base_sequence=sequence, batch_size=MESSAGE_MAX_BYTES,
    )  # fmt: skip
    append = builder.append
    now = time.time_ns() // 1_000_000
    place = 0
    for part in slices:
        headers = part.headers
        for key, value in zip(part.keys, part.values, strict=True):
            # None means full: a record lost without a word (the caller bounds batches by size).
            if append(place, now, key, value, headers) is None:
                raise MessageSizeTooLargeError
            headers = []
            place += 1
    buffer: bytearray = builder.build()
    return buffer


class PartitionLog:
    """The writing end of one partition; calls must not overlap."""

    def __init__(
        self, connection: Connection, topic: str, partition: int, producer: Producer
    ) -> None:
        self._connection = connection
        self.topic = topic
        self.partition = partition
        self._producer = producer
        self._sequence = 0
        self.broken = False

    async def append(self, slices: Sequence[Slice]) -> int:
        """Return the first offset once every in-sync replica has the batch.

        A lost answer is asked for again with the same sequence, so nothing is stored twice.
        Raises OutcomeUnknown when the broker stays away: the writer must then be given up, and
        every later append is refused with BrokerUnavailable.
        """
        if self.broken:
            raise BrokerUnavailable
        batch = build(slices, self._producer, self._sequence)
        count = sum(len(part.keys) for part in slices)
        offset = await self._send(bytes(batch))
        self._sequence = (self._sequence + count) % SEQUENCE_LIMIT
        return offset

    async def _send(self, batch: bytes) -> int:
        request = ProduceRequest(
            transactional_id=None, required_acks=ACKS_ALL, timeout=PRODUCE_TIMEOUT_MS,
            topics=[(self.topic, [(self.partition, batch)])],
        )  # fmt: skip
        loop = asyncio.get_running_loop()
        deadline = loop.time() + GIVE_UP_SECONDS
        while True:
            try:
                answer = await self._connection.ask_leader(self.topic, self.partition, request)
                return _first_offset(answer)
            except (TimeoutError, KafkaError, OSError) as error:
                if not is_passing(error) or loop.time() > deadline:
                    log.error("append to %s-%s: %r", self.topic, self.partition, error)  # noqa: TRY400
                    self.broken = True
                    raise OutcomeUnknown from error
            await asyncio.sleep(BACKOFF_SECONDS)
            await self._connection.refresh()


def _first_offset(answer: object) -> int:
    [(_topic, [info])] = answer.topics  # type: ignore[attr-defined]
    _partition, code, offset = info[:3]
    error = for_code(code)
    if code and not (error is DuplicateSequenceNumber and offset >= 0):
        raise error
    return int(offset)
