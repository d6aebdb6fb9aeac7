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
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown, WriterOver
from exchange.log.headers import Headers
from exchange.log.packing.packer import MAGIC, PACK, packed
from exchange.log.partitions import TopicPartition
from exchange.log.refusals import Verdict, verdict_on
from exchange.log.topics import MESSAGE_MAX_BYTES
from exchange.log.wire import Buffer, Produce
from exchange.log.writer import Producer
from kernel.errors import BatchTooLarge, Unavailable

log = logging.getLogger(__name__)

PRODUCE_TIMEOUT_MS = 15_000
GIVE_UP_SECONDS = 30.0
REFUSED_SECONDS = 5.0
"""How long a batch that certainly is not stored waits for its partition to take it."""
SEQUENCE_LIMIT = 2**31
PACKED_FROM = 8
"""Records of a slice, on average, below which a compiled pass costs more than it saves."""


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
    records = sum([len(share.keys) for share in slices])
    pack = PACK.get(records) if records >= PACKED_FROM * len(slices) else None
    if pack is None:
        return _built(slices, producer, sequence, now)
    parts = [(share.keys, share.values, share.headers) for share in slices]
    return packed(pack, parts, now, (producer.id, producer.epoch), sequence)


def _built(slices: Sequence[Slice], producer: Producer, sequence: int, now_ms: int) -> bytearray:
    builder = DefaultRecordBatchBuilder(
        magic=MAGIC, compression_type=0, is_transactional=0, producer_id=producer.id,
        producer_epoch=producer.epoch, base_sequence=sequence, batch_size=MESSAGE_MAX_BYTES,
    )  # fmt: skip
    append = builder.append
    index = 0
    for share in slices:
        headers = share.headers
        for key, value in zip(share.keys, share.values, strict=True):
            # None means full: a record lost without a word (the caller bounds batches by size).
            if append(index, now_ms, key, value, headers) is None:
                raise MessageSizeTooLargeError
            headers = []
            index += 1
    buffer: bytearray = builder.build()
    return buffer


def produce_request(batches: Iterable[tuple[TopicPartition, Buffer]]) -> Produce:
    return Produce(batches, PRODUCE_TIMEOUT_MS)


class PartitionLog:
    """The writing end of one partition; a frame must be settled before the next is made."""

    def __init__(self, topic: str, partition: int, producer: Producer) -> None:
        self.topic_partition: TopicPartition = (topic, partition)
        self._producer = producer
        self._sequence = 0
        self.broken = False

    def frame(self, slices: Sequence[Slice]) -> Frame:
        batch = build(slices, self._producer, self._sequence)
        return Frame(batch, sum([len(share.keys) for share in slices]))

    def advance(self, frame: Frame) -> None:
        """Go on after a frame that is in the log."""
        self._sequence = (self._sequence + frame.records) % SEQUENCE_LIMIT

    async def send_until_stored(
        self, frame: Frame, connection: Connection, *, first: Verdict | None = None
    ) -> int:
        """Send until the partition's leader has stored the frame; return the first offset.

        A lost answer is asked for again with the same sequence, so nothing is stored twice;
        `first` is the verdict on an attempt made before, if there was one.
        Raises BrokerUnavailable or BatchTooLarge where the frame certainly is not in the log, and
        OutcomeUnknown where it may be: this log is then broken, its writer must be replaced.
        """
        request = produce_request([(self.topic_partition, frame.batch)])
        attempts = _Attempts(self.topic_partition)
        if first is not None:
            attempts.note(first)
        while True:
            refusal: Unavailable | BatchTooLarge | None
            try:
                answer = await connection.ask_leader(*self.topic_partition, request)
                [(_topic, [info])] = answer.topics
                return first_offset(info)
            except BrokerUnavailable as error:
                # No leader was found to send to, and looking for one has taken its time.
                refusal = attempts.refusal_without_leader(error)
            except (TimeoutError, KafkaError, OSError) as error:
                refusal = attempts.refusal(error)
            if refusal is not None:
                self.broken = isinstance(refusal, (OutcomeUnknown, WriterOver))
                raise refusal
            await asyncio.sleep(BACKOFF_SECONDS)
            with suppress(BrokerUnavailable):
                await connection.refresh([self.topic_partition[0]])


class _Attempts:
    """What the attempts to store one frame have come to so far."""

    def __init__(self, topic_partition: TopicPartition) -> None:
        self._place = topic_partition
        self._began = asyncio.get_running_loop().time()
        self._maybe_stored = False

    def note(self, verdict: Verdict) -> None:
        self._maybe_stored |= verdict.maybe_stored

    def refusal(self, error: Exception) -> Unavailable | BatchTooLarge | None:
        """Return what the caller is told after this error, None while another attempt is due."""
        verdict = verdict_on(error)
        self.note(verdict)
        if not (verdict.final or self._late or _is_hopeless(verdict, error)):
            return None
        log.warning("append to %s-%s: %r", *self._place, error)
        return OutcomeUnknown() if self._maybe_stored else refusal_of(verdict)

    def refusal_without_leader(self, error: BrokerUnavailable) -> Unavailable | None:
        if not self._maybe_stored:
            return error
        return OutcomeUnknown() if self._late else None

    @property
    def _late(self) -> bool:
        patience = GIVE_UP_SECONDS if self._maybe_stored else REFUSED_SECONDS
        return asyncio.get_running_loop().time() > self._began + patience


def _is_hopeless(verdict: Verdict, error: Exception) -> bool:
    return verdict.maybe_stored and not is_passing(error)


def refusal_of(verdict: Verdict) -> Unavailable | BatchTooLarge:
    """Return what the caller is told of a batch that was certainly not stored."""
    if verdict is Verdict.TOO_LARGE:
        return BatchTooLarge()
    return WriterOver() if verdict is Verdict.WRITER_OVER else BrokerUnavailable()


def first_offset(info: Sequence[int]) -> int:
    """Return where a partition's batch was stored; raises the broker's refusal."""
    _partition, code, offset = info[:3]
    error = for_code(code)
    if code and not (error is DuplicateSequenceNumber and offset >= 0):
        raise error
    return offset
