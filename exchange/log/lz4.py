"""Records of a batch as an LZ4 frame: a fifth of the bytes for the broker, the disk and the way.

Of Kafka's codecs the one that costs a gateway least: a third of a microsecond a record, and a
tenth of one to read it again (docs/performance.md).
"""

import struct
from typing import Final, TypeAlias

import cramjam

Buffer: TypeAlias = bytes | bytearray | memoryview

CODEC: Final = 3
"""LZ4 in the attributes of a batch (Kafka's format v2)."""
COMPRESSED_FROM: Final = 8 * 1024
"""Of fewer bytes a frame saves less than it costs."""
_FASTEST: Final = 1
_WORTH_IT: Final = 0.9
"""A frame larger than this part of the records is not worth being read."""

_MAGIC: Final = 0x184D2204
_HEAD: Final = struct.Struct("<IBB")
_INT: Final = struct.Struct("<I")
_BLOCK_CHECKSUM, _CONTENT_SIZE = 0x10, 0x08
_UNCOMPRESSED: Final = 0x8000_0000
_CONTENT_SIZE_BYTES, _HEAD_CHECKSUM_BYTES = 8, 1
_BLOCK_BYTES: Final = {4: 64 * 1024, 5: 256 * 1024, 6: 1024 * 1024, 7: 4 * 1024 * 1024}


class BrokenFrameError(Exception):
    """What should be an LZ4 frame is none."""


def compressed(records: bytes) -> bytes | None:
    """Return a frame of the records, None where it would not be worth it.

    Its blocks stand alone: brokers read no others.
    """
    if len(records) < COMPRESSED_FROM:
        return None
    compressor = cramjam.lz4.Compressor(level=_FASTEST, content_checksum=False, block_linked=False)
    compressor.compress(records)
    frame = bytes(compressor.finish())
    return frame if len(frame) < _WORTH_IT * len(records) else None


def most_bytes(frame: Buffer) -> int:
    """Return what a frame cannot hold more than, without expanding it; raises BrokenFrameError.

    A few hundred bytes may say that they hold gigabytes.
    """
    try:
        magic, flags, size = _HEAD.unpack_from(frame)
        block_bytes = _BLOCK_BYTES[size >> 4]
        at, blocks = _HEAD.size + _HEAD_CHECKSUM_BYTES, 0
        if magic != _MAGIC:
            raise BrokenFrameError
        if flags & _CONTENT_SIZE:
            at += _CONTENT_SIZE_BYTES
        behind = _INT.size if flags & _BLOCK_CHECKSUM else 0
        while length := _INT.unpack_from(frame, at)[0]:
            at += _INT.size + (length & ~_UNCOMPRESSED) + behind
            blocks += 1
    except (KeyError, struct.error) as error:
        raise BrokenFrameError from error
    return blocks * block_bytes
