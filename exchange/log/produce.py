"""Record batches of one partition: idempotent, acks=all, one batch in flight (P4)."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec
from aiokafka.errors import (
    DuplicateSequenceNumber,
    KafkaError,
    MessageSizeTooLargeError,
    for_code,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from exchange.log.connection import BACKOFF_SECONDS, Connection, is_passing
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from exchange.log.headers import Headers
from exchange.log.packing.packer import MAGIC, PACK, packed
from exchange.log.topics import MESSAGE_MAX_BYTES
from exchange.log.wire import Buffer, Produce
from exchange.log.writer import Producer

log = logging.getLogger(__name__)

PRODUCE_TIMEOUT_MS = 15_000
GIVE_UP_SECONDS = 30.0
SEQUENCE_LIMIT = 2**31
PACKED_FROM = 8
"""Records of a slice, on average, below which a compiled pass costs more than it saves."""

Place = tuple[str, int]
"""A topic and a partition."""


class Slice(msgspec.Struct, frozen=True, gc=False):
    """Records of one request for one partition, kept together; `values` None is a delete."""

    keys: Sequence[bytes]
    values: Sequence[bytes | None]
    headers: Headers


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A record batch ready to be sent, again and again if need be."""

    batch: Buffer
    records: int


def build(slices: Sequence[Slice], producer: Producer, sequence: int) -> bytearray:
    """Return one record batch that holds the slices one after another."""
    now = time.time_ns() // 1_000_000
    records = sum([len(part.keys) for part in slices])
    pack = PACK.get(records) if records >= PACKED_FROM * len(slices) else None
    if pack is None:
        return _built(slices, producer, sequence, now)
    parts = [(part.keys, part.values, part.headers) for part in slices]
    batch = packed(pack, parts, now, (producer.id, producer.epoch), sequence)
    if len(batch) > MESSAGE_MAX_BYTES:
        raise MessageSizeTooLargeError
    return batch


def _built(slices: Sequence[Slice], producer: Producer, sequence: int, now_ms: int) -> bytearray:
    builder = DefaultRecordBatchBuilder(
        magic=MAGIC, compression_type=0, is_transactional=0, producer_id=producer.id,
        producer_epoch=producer.epoch, base_sequence=sequence, batch_size=MESSAGE_MAX_BYTES,
    )  # fmt: skip
    append = builder.append
    place = 0
    for part in slices:
        headers = part.headers
        for key, value in zip(part.keys, part.values, strict=True):
            # None means full: a record lost without a word (the caller bounds batches by size).
            if append(place, now_ms, key, value, headers) is None:
                raise MessageSizeTooLargeError
            headers = []
            place += 1
    buffer: bytearray = builder.build()
    return buffer


def produce_request(batches: Iterable[tuple[Place, Buffer]]) -> Produce:
    return Produce(batches, PRODUCE_TIMEOUT_MS)


class PartitionLog:
    """The writing end of one partition; a frame must be settled before the next is made."""

    def __init__(self, topic: str, partition: int, producer: Producer) -> None:
        self.place: Place = (topic, partition)
        self._producer = producer
        self._sequence = 0
        self.broken = False

    def frame(self, slices: Sequence[Slice]) -> Frame:
        batch = build(slices, self._producer, self._sequence)
        return Frame(batch, sum([len(part.keys) for part in slices]))

    def took(self, frame: Frame) -> None:
        """Go on after a frame that is in the log."""
        self._sequence = (self._sequence + frame.records) % SEQUENCE_LIMIT

    async def insist(self, frame: Frame, connection: Connection, *, sent: bool = False) -> int:
        """Send until the partition's leader has answered; return the first offset.

        A lost answer is asked for again with the same sequence, so nothing is stored twice;
        `sent` says that this frame may be on its way already. Raises BrokerUnavailable where it
        certainly is not, OutcomeUnknown when the broker stays away: the writer is then given up.
        """
        request = produce_request([(self.place, frame.batch)])
        loop = asyncio.get_running_loop()
        deadline = loop.time() + GIVE_UP_SECONDS
        while True:
            try:
                answer = await connection.ask_leader(*self.place, request)
                [(_topic, [info])] = answer.topics
                return first_offset(info)
            except BrokerUnavailable as error:
                # No leader was found to send to, this time.
                if not sent:
                    raise
                self._give_up(error, late=loop.time() > deadline)
            except (TimeoutError, KafkaError, OSError) as error:
                sent = True
                self._give_up(error, late=not is_passing(error) or loop.time() > deadline)
            await asyncio.sleep(BACKOFF_SECONDS)
            with suppress(BrokerUnavailable):
                await connection.refresh()

    def _give_up(self, error: Exception, *, late: bool) -> None:
        if late:
            log.error("append to %s-%s: %r", *self.place, error)
            self.broken = True
            raise OutcomeUnknown from error


def first_offset(info: Sequence[int]) -> int:
    """Return where a partition's batch was stored; raises the broker's refusal."""
    _partition, code, offset = info[:3]
    error = for_code(code)
    if code and not (error is DuplicateSequenceNumber and offset >= 0):
        raise error
    return offset
