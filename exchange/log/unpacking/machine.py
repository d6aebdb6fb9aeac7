"""The pass that reads the records of a batch: compiled, with the bounds of every array checked.

What it does not know raises IndexError, as does what lies out of bounds.
"""

from pathlib import Path

from exchange.log.unpacking import layout
from kernel.machine.code import BYTES, NUMBER, NUMBERS, READ_ONLY, part, whole
from kernel.machine.marks import LINE_BREAK
from kernel.machine.text import Bytes, Numbers, byte_at, copied

_CONTINUED = 0x80
_BITS_MAX = 63
_NONE = -1


@part
def _varint(body: Bytes, at: int) -> tuple[int, int]:
    """A number as Kafka writes it, and the place behind it."""
    value = shift = 0
    byte = byte_at(body, at)
    while byte >= _CONTINUED:
        value |= (byte & (_CONTINUED - 1)) << shift
        shift += 7
        at += 1
        if shift > _BITS_MAX:
            raise IndexError
        byte = byte_at(body, at)
    value |= byte << shift
    return (value >> 1) ^ -(value & 1), at + 1


@part
def _sized(body: Bytes, at: int, least: int) -> tuple[int, int]:
    """How many bytes follow, as they begin with, and the place of the first."""
    size, at = _varint(body, at)
    if size < least or size > len(body) - at:
        raise IndexError
    return size, at


@part
def _line(body: Bytes, at: int, out: Bytes, to: int) -> tuple[int, int, int]:
    """Copy a text, with a line break behind it: its size, where it ends, where the copy ends."""
    size, at = _sized(body, at, _NONE)
    end = at + max(0, size)
    to = copied(body, at, end, out, to)
    out[to] = LINE_BREAK
    return size, end, to + 1


@part
def _headers_end(body: Bytes, at: int, count: int) -> int:
    for _ in range(count):
        size, at = _sized(body, at, 0)
        size, at = _sized(body, at + size, _NONE)
        at += max(0, size)
    return at


@whole(
    *(READ_ONLY, NUMBER, NUMBER, BYTES, BYTES, NUMBERS),
    sources=[Path(__file__).parent],
)
def unpack(body: Bytes, at: int, count: int, keys: Bytes, values: Bytes, cells: Numbers) -> int:
    """Read so many records from a place on; return the place behind them.

    Keys and values are written with a line break behind each, what is told of them to `cells`
    (layout.py). An absent key is an empty one, an absent value, a delete, is left to others.
    """
    keys_to = values_to = headed = 0
    last = -1
    for record in range(count):
        size, at = _sized(body, at, 1)
        end = at + size
        attributes = byte_at(body, at)
        # How much later than the first one it was written.
        _later, at = _varint(body, at + 1)
        delta, at = _varint(body, at)
        _size, at, keys_to = _line(body, at, keys, keys_to)
        value_size, at, values_to = _line(body, at, values, values_to)
        # Nobody uses attributes yet, and aiokafka reads them as it does numbers.
        if attributes or delta <= last or value_size < 0:
            raise IndexError
        row = layout.ROWS + layout.WIDTH * record
        last = cells[row + layout.DELTA] = delta
        cells[row + layout.KEY_END], cells[row + layout.VALUE_END] = keys_to, values_to
        headers_at = at
        headers, at = _varint(body, at)
        if headers:
            if headers < 0 or headed == layout.HEADED_MAX:
                raise IndexError
            cells[layout.HEADS + 2 * headed] = record
            cells[layout.HEADS + 2 * headed + 1] = headers_at
            headed += 1
            at = _headers_end(body, at, headers)
        if at != end:
            raise IndexError
    cells[layout.HEADED] = headed
    return at
