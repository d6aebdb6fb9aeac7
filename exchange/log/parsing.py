"""Decoding: what a broker answers, turned into a chunk of records, a few at a time."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from aiokafka.errors import for_code
from aiokafka.record.memory_records import MemoryRecords

from exchange.log import codecs
from exchange.log.chunks import Chunk, Columns
from exchange.log.codecs import TooLargeError
from exchange.log.errors import UnreadableBatchError
from exchange.log.headers import VERSION
from exchange.log.lz4 import BrokenFrameError, Buffer
from exchange.log.packing.packer import checked_end
from exchange.log.topics import MESSAGE_MAX_BYTES
from exchange.log.unpacking.unpacker import (
    RECORDS_FROM,
    UNPACK,
    DoubtfulBatchError,
    unpacked,
)
from kernel.turns import Steps, finished

# So many records are decoded between two turns of the loop: a batch may hold half a million.
RECORDS_AT_ONCE: Final = 2_000
# Of fewer in a batch, setting the pass up costs more than it spares.
UNPACKED_FROM: Final = 32
NO_PRODUCER: Final = -1


def parse(info: Sequence[Any], offset: int, most_bytes: int = MESSAGE_MAX_BYTES) -> Chunk:
    """Turn one partition's answer into records at once."""
    return finished(parsing(info, offset, most_bytes))


def parsing(info: Sequence[Any], offset: int, most_bytes: int) -> Steps[Chunk]:
    """Turn one partition's answer into records: CRC checked, without aborted or control batches.

    It ends behind the batch with which so many bytes are there, as an answer without compression
    would: what else has come is asked for again.
    """
    _partition, code, high_watermark, stable, _start, aborted, *_replica, data = info
    if code:
        raise for_code(code)
    chunk = Chunk(start=offset, next_offset=offset, end=stable, log_end=high_watermark)
    hidden = _Aborted(aborted)
    data = data or b""
    records = MemoryRecords(data)
    read_to = 0
    while records.has_next() and chunk.expanded_bytes < most_bytes:
        batch, begin = records.next_batch(), read_to
        read_to = checked_end(data, read_to)
        if not hidden.hides(batch):
            yield from _taking_all(chunk, batch, offset, data[begin:read_to])
        chunk.next_offset = max(chunk.next_offset, batch.next_offset)
        chunk.stored_bytes = read_to
        yield
    return chunk


def _taking_all(
    chunk: Chunk,
    batch: Any,  # noqa: ANN401
    offset: int,
    stored: Buffer,
) -> Steps[None]:
    """Take a batch, or leave all of it out when its records cannot be decoded.

    Others may write what they like: header names that are not UTF-8, lengths beyond the batch,
    compressions that nobody knows. Its checksum is right, so no second reading would help. One
    that may be the platform's own is never left out: UnreadableBatchError. None of the platform's
    holds more than MESSAGE_MAX_BYTES.
    """
    mark = chunk.mark()
    try:
        records = _expanded(batch, stored)
    except TooLargeError:
        chunk.left_out.append(range(batch.base_offset, batch.next_offset))
        return
    except BrokenFrameError as error:
        _leave_out(chunk, batch, stored, error)
        return
    chunk.expanded_bytes += len(records)
    for decoded in (_unpacked, _decoded):
        covered = -1
        try:
            for columns in decoded(batch, stored, records):
                covered = chunk.take(columns, offset, covered)
                yield
        except DoubtfulBatchError:
            chunk.cut(mark)
        except _UndecodableError as error:
            chunk.cut(mark)
            _leave_out(chunk, batch, stored, error)
        else:
            return


def _leave_out(chunk: Chunk, batch: Any, stored: Buffer, error: Exception) -> None:  # noqa: ANN401
    if _may_be_ours(batch, stored):
        raise UnreadableBatchError(batch.base_offset, batch.next_offset) from error
    chunk.left_out.append(range(batch.base_offset, batch.next_offset))


def _may_be_ours(batch: Any, stored: Buffer) -> bool:  # noqa: ANN401 - aiokafka is untyped
    """Whether the platform may have written a batch that cannot be decoded.

    Its writers are idempotent, and a batch begins with its headers; what the broker has compressed
    cannot be looked into.
    """
    if getattr(batch, "producer_id", NO_PRODUCER) == NO_PRODUCER:
        return False
    return bool(batch.compression_type) or VERSION.encode() in bytes(stored)


class _UndecodableError(Exception):
    """Nobody can read the records of a batch."""


def _expanded(batch: Any, stored: Buffer) -> Buffer:  # noqa: ANN401 - aiokafka is untyped
    """Return the records of a batch; raises TooLargeError, BrokenFrameError.

    aiokafka's decoder expands them once more, without a bound: it sees none that is too large.
    """
    records = memoryview(stored)[RECORDS_FROM:]
    if not batch.compression_type:
        return records
    return codecs.expanded(batch.compression_type, records, MESSAGE_MAX_BYTES)


def _unpacked(batch: Any, stored: Buffer, records: Buffer) -> Iterator[Columns]:  # noqa: ANN401
    """Read a large batch by the compiled pass; raises DoubtfulBatchError, also where it cannot."""
    count = batch.next_offset - batch.base_offset
    unpack = UNPACK.get(count) if count >= UNPACKED_FROM or batch.compression_type else None
    if unpack is None:
        raise DoubtfulBatchError
    yield from unpacked(unpack, stored, records, batch.base_offset, RECORDS_AT_ONCE)


def _decoded(batch: Any, _stored: Buffer, _records: Buffer) -> Iterator[Columns]:  # noqa: ANN401
    """Decode a batch some records at a time; raises _UndecodableError.

    Column by column: a turn of a loop for each record would take a third more.
    """
    try:
        # Iterated once: aiokafka's batch refuses to begin again, and each slice would begin it.
        remaining = chain(batch)
        while some := list(islice(remaining, RECORDS_AT_ONCE)):
            yield Columns(
                [each.offset for each in some],
                [(each.offset, each.headers) for each in some if each.headers],
                keys=[each.key or b"" for each in some],
                values=[each.value for each in some],
            )
    except Exception as error:
        raise _UndecodableError from error


class _Aborted:
    """Knows which transactional batches were aborted, as the broker's answer lists them."""

    def __init__(self, aborted: Sequence[tuple[int, int]] | None) -> None:
        self._starts = sorted(aborted or [], key=lambda item: item[1])
        self._open: set[int] = set()

    def hides(self, batch: Any) -> bool:  # noqa: ANN401 - aiokafka is untyped
        if batch.is_control_batch:
            self._open.discard(batch.producer_id)
            return True
        while self._starts and self._starts[0][1] <= batch.base_offset:
            self._open.add(self._starts.pop(0)[0])
        return bool(batch.is_transactional) and batch.producer_id in self._open
