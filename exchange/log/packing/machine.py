"""The pass that writes records into a batch: compiled, with the bounds of every array checked."""

from pathlib import Path

from kernel.machine.code import BYTES, NUMBER, NUMBERS, READ_ONLY, part, whole
from kernel.machine.text import Bytes, Numbers, cell, copied

_CONTINUED = 0x80


@part
def _varint(value: int, out: Bytes, to: int) -> int:
    """Write a number as Kafka does: zigzag, seven bits a byte, the lowest first."""
    value = (value << 1) ^ (value >> 63)
    while value >= _CONTINUED:
        out[to] = value & (_CONTINUED - 1) | _CONTINUED
        to += 1
        value >>= 7
    out[to] = value
    return to + 1


@part
def _size(value: int) -> int:
    value = (value << 1) ^ (value >> 63)
    size = 1
    while value >= _CONTINUED:
        size += 1
        value >>= 7
    return size


@whole(
    *(READ_ONLY, NUMBERS, READ_ONLY, NUMBERS, READ_ONLY, NUMBER, BYTES, NUMBER),
    sources=[Path(__file__).parent],
)
def pack(
    keys: Bytes,
    key_sizes: Numbers,
    values: Bytes,
    value_sizes: Numbers,
    headers: Bytes,
    first: int,
    out: Bytes,
    to: int,
) -> int:
    """Write records from place `first` of their batch on; return where they end.

    A byte that is left out stands behind each key and value. Sizes are bytes, -1 of a value is a
    delete. The first record alone has the headers, which begin with their count.
    """
    key_at = value_at = 0
    for place in range(len(key_sizes)):
        key_size, value_size = cell(key_sizes, place), cell(value_sizes, place)
        value_end = value_at + max(0, value_size)
        header_size = len(headers) if place == 0 else 1
        # Before these stand the attributes and the difference in time, both 0.
        size = 2 + _size(first + place) + _size(key_size) + key_size
        size += _size(value_size) + value_end - value_at + header_size
        to = _varint(size, out, to)
        out[to] = out[to + 1] = 0
        to = _varint(first + place, out, to + 2)
        to = _varint(key_size, out, to)
        to = copied(keys, key_at, key_at + key_size, out, to)
        to = _varint(value_size, out, to)
        to = copied(values, value_at, value_end, out, to)
        if place == 0:
            to = copied(headers, 0, len(headers), out, to)
        else:
            out[to] = 0
            to += 1
        key_at, value_at = key_at + key_size + 1, value_end + (value_size >= 0)
    return to
