"""Packs records into one batch, its head and its CRC-32C included."""

import struct
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import google_crc32c
import numpy as np
import numpy.typing as npt
from aiokafka.errors import CorruptRecordException, MessageSizeTooLargeError
from aiokafka.record.util import encode_varint

from exchange.log import lz4
from exchange.log.headers import Headers
from exchange.log.topics import MESSAGE_MAX_BYTES
from kernel.columns import Column, Numbers
from kernel.machine.lazy_compiled import LazyCompiled

_Bytes: TypeAlias = npt.NDArray[np.uint8]
Pack: TypeAlias = Callable[[_Bytes, Numbers, _Bytes, Numbers, _Bytes, int, _Bytes, int], int]
PACK: Final = LazyCompiled[Pack](
    "exchange.log.packing.machine",
    "pack",
    first=lambda pack: packed(pack, [([b"k", b"d"], [b"v", None], [])], 0, (0, 0), 0),
)

# First offset, length, leader's epoch, magic; then the checksum of all that follows.
_HEAD: Final = struct.Struct(">qiibI")
# Attributes, last place, first and last time, producer, its epoch, first sequence, records.
_TAIL: Final = struct.Struct(">hiqqqhii")
_LENGTH_FROM: Final = 12
MAGIC: Final = 2
NO_EPOCH: Final = -1
RECORD_BYTES: Final = 32
"""More than a record takes beside its key, its value and its headers."""

Records: TypeAlias = tuple[Sequence[bytes], Sequence[bytes | None], Headers]
"""Keys, values (None is a delete), and the headers of the first."""


def packed(
    pack: Pack, parts: Sequence[Records], now_ms: int, producer: tuple[int, int], sequence: int
) -> bytearray:
    """Return one batch of the parts one after another; the producer is its id and epoch.

    Its records are compressed where that saves something; raises MessageSizeTooLargeError where
    they would not fit uncompressed, so that none is larger when it is read.
    """
    heads = [_headers(headers) for _keys, _values, headers in parts]
    texts = [(*_text(keys), *_text(values)) for keys, values, _headers in parts]
    count = sum([len(keys) for keys, _values, _headers in parts])
    room = sum(map(len, heads)) + sum(len(keys) + len(values) for keys, _, values, _ in texts)
    start = _HEAD.size + _TAIL.size
    batch = bytearray(start + room + RECORD_BYTES * count)
    out, to, first = np.frombuffer(batch, np.uint8), start, 0
    for (keys, key_sizes, values, value_sizes), head in zip(texts, heads, strict=True):
        to = pack(
            *(np.frombuffer(keys, np.uint8), key_sizes),
            *(np.frombuffer(values, np.uint8), value_sizes),
            *(np.frombuffer(head, np.uint8), first, out, to),
        )
        first += len(key_sizes)
    del out  # a bytearray that is looked at cannot be cut
    del batch[to:]
    if to > MESSAGE_MAX_BYTES:
        raise MessageSizeTooLargeError
    codec = _compress(batch, start)
    _TAIL.pack_into(batch, _HEAD.size, codec, count - 1, now_ms, now_ms, *producer, sequence, count)
    checksum = google_crc32c.value(bytes(memoryview(batch)[_HEAD.size :]))
    _HEAD.pack_into(batch, 0, 0, len(batch) - _LENGTH_FROM, NO_EPOCH, MAGIC, checksum)
    return batch


def _compress(batch: bytearray, start: int) -> int:
    """Put a frame in the place of the records where it is worth it, and return the codec."""
    frame = lz4.compressed(bytes(memoryview(batch)[start:]))
    if frame is None:
        return 0
    batch[start:] = frame
    return lz4.CODEC


def checked_end(batches: bytes, start: int) -> int:
    """Return where the batch at a place ends; raises CorruptRecordException."""
    _offset, length, _epoch, _magic, checksum = _HEAD.unpack_from(batches, start)
    end = start + _LENGTH_FROM + int(length)
    if google_crc32c.value(batches[start + _HEAD.size : end]) != checksum:
        raise CorruptRecordException
    return end


def _text(values: Sequence[bytes | None]) -> tuple[bytes, Numbers]:
    """Return values with a line break behind each, and their sizes; -1 is a delete, without one."""
    if isinstance(values, Column):
        return values.text, values.sizes
    try:
        text = b"\n".join((*values, b""))  # type: ignore[arg-type] # see below
        return text, np.fromiter(map(len, values), np.int64, len(values))  # type: ignore[arg-type]
    except TypeError:
        # Some are deletes. To look for None first is to compare each with it: twice as long.
        text = b"\n".join((*[value for value in values if value is not None], b""))
        return text, np.array([-1 if value is None else len(value) for value in values], np.int64)


def _headers(headers: Headers) -> bytes:
    encoded = bytearray()
    encode_varint(len(headers), encoded.append)
    for name, value in headers:
        for part in (name.encode(), value):
            encode_varint(len(part), encoded.append)
            encoded += part
    return bytes(encoded)
