"""JSON's parts in a text of bytes that ends with a line break, at which every loop stops.

Functions answer the place behind what they have read, or DOUBT.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from kernel.machine.code import checked_part, part
from kernel.machine.marks import ASCII, BACKSLASH, COLON, DOUBT, QUOTE, SPACE, TAB

Bytes: TypeAlias = npt.NDArray[np.uint8]
Numbers: TypeAlias = npt.NDArray[np.int64]

NULL: Final = np.frombuffer(b"null", np.uint8)
TRUE: Final = np.frombuffer(b"true", np.uint8)
FALSE: Final = np.frombuffer(b"false", np.uint8)


@part
def byte_at(body: Bytes, at: int) -> int:
    """A byte at a place that is not counted from the end: numba then leaves that question out."""
    return int(body[np.uintp(at)])


@part
def cell(cells: Numbers, at: int) -> int:
    return int(cells[np.uintp(at)])


@part
def after_space(body: Bytes, at: int) -> int:
    while byte_at(body, at) == SPACE or byte_at(body, at) == TAB:
        at += 1
    return at


@part
def word_end(body: Bytes, at: int, word: Bytes) -> int:
    if at + len(word) >= len(body):
        return DOUBT
    for place in range(len(word)):
        if byte_at(body, at + place) != word[place]:
            return DOUBT
    return at + len(word)


@checked_part
def spelled(body: Bytes, at: int, cells: Numbers, start: int, end: int) -> int:
    """Where a string has its closing quotation mark, if it is what these cells spell."""
    if at < 0 or at + end - start >= len(body) or start < 0 or end > len(cells):
        return DOUBT
    for place in range(start, end):
        if body[np.uintp(at)] != cells[np.uintp(place)]:
            return DOUBT
        at += 1
    return at if body[np.uintp(at)] == QUOTE else DOUBT


@part
def member(
    body: Bytes, at: int, cells: Numbers, names: int, width: int, count: int, expected: int
) -> tuple[int, int]:
    """Which of some names stands here, the expected one in most cases, and its value's place.

    Pointers to where a name begins and ends lie at `names` and every `width` cells on. The place is
    DOUBT where it is none of them.
    """
    if byte_at(body, at) != QUOTE:
        return 0, DOUBT
    at += 1
    item = expected
    for _ in range(count):
        if item == count:
            item = 0
        pointer = names + item * width
        end = spelled(body, at, cells, cell(cells, pointer), cell(cells, pointer + 1))
        if end != DOUBT:
            end = after_space(body, end + 1)
            return item, after_space(body, end + 1) if byte_at(body, end) == COLON else DOUBT
        item += 1
    return 0, DOUBT


@part
def text_end(body: Bytes, start: int) -> tuple[int, int]:
    """Where a string ends, and its characters; DOUBT at a control character or an escape."""
    at, more = start, 0
    last = len(body) - 3
    while True:
        byte = byte_at(body, at)
        if byte < ASCII:
            if byte == QUOTE:
                return at, at - start - more
            if byte < SPACE or byte == BACKSLASH:
                return DOUBT, 0
            at += 1
        elif 0xE1 <= byte <= 0xEC and at < last:
            if (byte_at(body, at + 1) & 0xC0) != ASCII or (byte_at(body, at + 2) & 0xC0) != ASCII:
                return DOUBT, 0
            at += 3
            more += 2
        else:
            _, size = character(body, at)
            if size == 0:
                return DOUBT, 0
            at += size
            more += size - 1


@part
def character(body: Bytes, at: int) -> tuple[int, int]:
    """The code point beyond ASCII at a place and its bytes; 0 bytes where it is not UTF-8."""
    lead = int(byte_at(body, at))
    if lead < 0xC2 or lead > 0xF4:
        return 0, 0
    size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    code = lead & (0x7F >> size)
    for place in range(at + 1, at + size):
        byte = int(byte_at(body, place))
        if byte & 0xC0 != ASCII:
            return 0, 0
        code = code << 6 | byte & 0x3F
    if size == 3 and (code < 0x800 or 0xD800 <= code < 0xE000):
        return 0, 0
    if size == 4 and (code < 0x10000 or code > 0x10FFFF):
        return 0, 0
    return code, size


@checked_part
def copied(source: Bytes, start: int, end: int, out: Bytes, to: int) -> int:
    """Copy bytes; where the copy ends."""
    size = end - start
    if start < 0 or end > len(source) or to < 0 or to + size > len(out):
        raise IndexError
    for place in range(size):
        out[np.uintp(to + place)] = source[np.uintp(start + place)]
    return to + size
