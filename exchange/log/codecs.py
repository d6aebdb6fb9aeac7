"""Expands the records of a batch, whichever of Kafka's codecs they lie in, up to a bound.

A few kilobytes of any codec may hold gigabytes: nobody who wrote into a topic may have that much
of the memory of whoever reads it (P12).
"""

import struct
from collections.abc import Callable, Mapping
from typing import Final

import cramjam

from exchange.log import lz4
from exchange.log.lz4 import BrokenFrameError, Buffer

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, lz4.CODEC, 4
_WITHOUT_ROOM: Final = "failed to write whole buffer"
"""What cramjam says of a target that is too small; a test compares it with each codec."""
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEAD_BYTES: Final = 16
_INT: Final = struct.Struct(">i")

Into = Callable[[Buffer, bytearray], int]
_INTO: Final[Mapping[int, Into]] = {
    GZIP: cramjam.gzip.decompress_into,
    LZ4: cramjam.lz4.decompress_into,
    ZSTD: cramjam.zstd.decompress_into,
}


class TooLargeError(Exception):
    """The records are more than the bound."""


def expanded(codec: int, records: Buffer, most: int) -> bytearray:
    """Return records of `most` bytes at most; raises TooLargeError, BrokenFrameError.

    Also for a codec that is not known: BrokenFrameError.
    """
    if codec == SNAPPY:
        return _snappy(memoryview(records), most)
    if codec not in _INTO:
        raise BrokenFrameError
    room = _least_room(records, most) if codec == LZ4 else most
    try:
        return _into(_INTO[codec], records, room)
    except TooLargeError:
        # Several frames one after another: the first one says nothing of the others.
        if room == most:
            raise
        return _into(_INTO[codec], records, most)


def _least_room(frame: Buffer, most: int) -> int:
    try:
        return min(lz4.most_bytes(frame), most)
    except BrokenFrameError:
        return most


def _into(into: Into, records: Buffer, most: int) -> bytearray:
    target = bytearray(most)
    try:
        size = into(records, target)
    except cramjam.DecompressionError as error:
        if _WITHOUT_ROOM in str(error):
            raise TooLargeError from error
        raise BrokenFrameError from error
    del target[size:]
    return target


def _snappy(records: memoryview, most: int) -> bytearray:
    """Expand snappy by itself, or in blocks as Java's clients write it; each says what it holds."""
    blocks = _blocks(records) if bytes(records[: len(_XERIAL)]) == _XERIAL else [records]
    target = bytearray()
    for block in blocks:
        try:
            if len(target) + cramjam.snappy.decompress_raw_len(block) > most:
                raise TooLargeError
            target += bytes(cramjam.snappy.decompress_raw(block))
        except cramjam.DecompressionError as error:
            raise BrokenFrameError from error
    return target


def _blocks(records: memoryview) -> list[memoryview]:
    blocks, at = [], _XERIAL_HEAD_BYTES
    while at < len(records):
        try:
            [size] = _INT.unpack_from(records, at)
        except struct.error as error:
            raise BrokenFrameError from error
        at += _INT.size
        if not 0 < size <= len(records) - at:
            raise BrokenFrameError
        blocks.append(records[at : at + size])
        at += size
    return blocks
