"""The pass over stored records: compiled, with the bounds of every array checked."""

from pathlib import Path
from typing import Final

import numpy as np

from exchange.delivery.showing.layout import (
    CLEAR,
    COUNT,
    FULL,
    KEEP_END,
    KEEP_START,
    MASK,
    MEMORY_WIDTH,
    NAME,
    NAME_END,
    PARTIAL,
    ROWS,
    SEEN,
    SHOWN,
    SHOWN_FROM,
    VALUE,
    VALUE_END,
    WIDTH,
)
from kernel.machine.code import BYTES, NUMBERS, READ_ONLY, checked_part, part, whole
from kernel.machine.marks import (
    ASCII,
    BACKSLASH,
    CLOSE,
    COMMA,
    DOUBT,
    LINE_BREAK,
    MINUS,
    NINE,
    OPEN,
    PLUS,
    POINT,
    QUOTE,
    SPACE,
    ZERO,
)
from kernel.machine.text import (
    FALSE,
    NULL,
    TRUE,
    Bytes,
    Numbers,
    after_space,
    byte_at,
    cell,
    character,
    copied,
    member,
    word_end,
)

_HEAD: Final = np.frombuffer(b'{"op":"upsert","key":"', np.uint8)
_DATA: Final = np.frombuffer(b'","data":{', np.uint8)
_WHOLE: Final = np.frombuffer(b'","data":', np.uint8)
_NAMED: Final = np.frombuffer(b'":', np.uint8)
_STARS: Final = np.frombuffer(b'"***"', np.uint8)
_STAR: Final = ord("*")
# What a string may hold as it stands, in one byte; a line break, which ends every text, is none.
_PLAIN: Final = np.array([SPACE <= code < ASCII and code not in b'"\\' for code in range(256)])
# What may stand behind a backslash, but for "u" and its four digits.
_ESCAPES: Final = np.array([code in b'"\\/bfnrt' for code in range(256)])
_HEX: Final = np.array([code in b"0123456789abcdefABCDEF" for code in range(256)])


@part
def _spans(body: Bytes, at: int, plan: Numbers, memory: Numbers, record: int) -> int:
    """Find the values of one record that are shown."""
    at = after_space(body, at)
    if byte_at(body, at) != OPEN:
        return DOUBT
    expected = 0
    while byte_at(body, at) != CLOSE:
        at = after_space(body, at + 1)
        item, at = member(body, at, plan, ROWS + NAME, WIDTH, cell(plan, COUNT), expected)
        if at == DOUBT:
            return DOUBT
        end = _value_end(body, at)
        if end == DOUBT:
            return DOUBT
        known = item * MEMORY_WIDTH
        memory[known + SEEN], memory[known + VALUE], memory[known + VALUE_END] = record, at, end
        expected = item + 1
        at = after_space(body, end)
        if byte_at(body, at) not in (COMMA, CLOSE):
            return DOUBT
    at = after_space(body, at + 1)
    return at + 1 if byte_at(body, at) == LINE_BREAK else DOUBT


@part
def _value_end(body: Bytes, at: int) -> int:
    """Behind a scalar, or DOUBT where none stands; what follows it is the caller's question."""
    byte = byte_at(body, at)
    if byte == QUOTE:
        return _text_end(body, at + 1)
    if byte == ord("t"):
        return word_end(body, at, TRUE)
    if byte == ord("f"):
        return word_end(body, at, FALSE)
    if byte == ord("n"):
        return word_end(body, at, NULL)
    return _number_end(body, at)


@part
def _number_end(body: Bytes, at: int) -> int:
    if byte_at(body, at) == MINUS:
        at += 1
    start = at
    at = _digits_end(body, at)
    if at == start or (byte_at(body, start) == ZERO and at > start + 1):
        return DOUBT
    if byte_at(body, at) == POINT:
        start = at + 1
        at = _digits_end(body, start)
        if at == start:
            return DOUBT
    if byte_at(body, at) | 0x20 == ord("e"):
        start = at + 1
        if byte_at(body, start) == PLUS or byte_at(body, start) == MINUS:
            start += 1
        at = _digits_end(body, start)
        if at == start:
            return DOUBT
    return at


@part
def _digits_end(body: Bytes, at: int) -> int:
    while ZERO <= byte_at(body, at) <= NINE:
        at += 1
    return at


@part
def _text_end(body: Bytes, at: int) -> int:
    """Behind a string, escapes included; DOUBT at a control character and at what is no UTF-8."""
    last = len(body) - 3
    while True:
        at = _plain_end(body, at)
        byte = byte_at(body, at)
        if byte == QUOTE:
            return at + 1
        if byte < SPACE:
            return DOUBT
        if byte == BACKSLASH:
            at = _escape_end(body, at + 1)
            if at == DOUBT:
                return DOUBT
        elif 0xE1 <= byte <= 0xEC and at < last:
            # Three bytes in one step: nearly all Chinese characters.
            if (byte_at(body, at + 1) & 0xC0) != ASCII or (byte_at(body, at + 2) & 0xC0) != ASCII:
                return DOUBT
            at += 3
        else:
            _, size = character(body, at)
            if size == 0:
                return DOUBT
            at += size


@checked_part
def _plain_end(body: Bytes, at: int) -> int:
    """Behind characters of one byte that stand for themselves; the last of a body is none."""
    end = len(body)
    if at < 0:
        return end
    while at < end and _PLAIN[body[np.uintp(at)]]:
        at += 1
    return at


@part
def _escape_end(body: Bytes, at: int) -> int:
    """Behind an escape; halves of surrogate pairs are left to others."""
    if _ESCAPES[byte_at(body, at)]:
        return at + 1
    if byte_at(body, at) != ord("u") or at + 5 >= len(body):
        return DOUBT
    for place in range(at + 1, at + 5):
        if not _HEX[byte_at(body, place)]:
            return DOUBT
    if byte_at(body, at + 1) | 0x20 == ord("d") and byte_at(body, at + 2) >= ord("8"):
        return DOUBT
    return at + 5


@part
def _masked(body: Bytes, start: int, end: int, plan: Numbers, row: int, out: Bytes, to: int) -> int:
    """Write a partly masked value; a number is masked as it was written, a word hidden whole."""
    if byte_at(body, start) == QUOTE:
        start += 1
        end -= 1
    elif byte_at(body, start) >= ord("f"):
        return copied(_STARS, 0, len(_STARS), out, to)
    size = 0
    for place in range(start, end):
        if byte_at(body, place) == BACKSLASH:
            return DOUBT
        size += _begins(byte_at(body, place))
    if size < cell(plan, row + SHOWN_FROM):
        return copied(_STARS, 0, len(_STARS), out, to)
    first, last = cell(plan, row + KEEP_START), size - cell(plan, row + KEEP_END)
    out[to] = QUOTE
    to += 1
    nth = -1
    for place in range(start, end):
        byte = byte_at(body, place)
        begins = _begins(byte)
        nth += begins
        if not first <= nth < last:
            out[to] = byte
            to += 1
        elif begins and nth == first:
            out[to], out[to + 1], out[to + 2] = _STAR, _STAR, _STAR
            to += 3
    out[to] = QUOTE
    return to + 1


@part
def _begins(byte: int) -> int:
    """1 for the first byte of a character, 0 for those that follow it."""
    return 1 if byte & 0xC0 != 0x80 else 0


@part
def _item(body: Bytes, plan: Numbers, memory: Numbers, item: int, out: Bytes, to: int) -> int:
    row, known = ROWS + item * WIDTH, item * MEMORY_WIDTH
    out[to] = QUOTE
    to += 1
    for place in range(cell(plan, row + NAME), cell(plan, row + NAME_END)):
        out[to] = cell(plan, place)
        to += 1
    to = copied(_NAMED, 0, len(_NAMED), out, to)
    start, end = cell(memory, known + VALUE), cell(memory, known + VALUE_END)
    mask = cell(plan, row + MASK)
    if mask == CLEAR:
        return copied(body, start, end, out, to)
    if mask == PARTIAL:
        return _masked(body, start, end, plan, row, out, to)
    if mask == FULL:
        return copied(_STARS, 0, len(_STARS), out, to)
    return copied(NULL, 0, len(NULL), out, to)


@part
def _line(body: Bytes, plan: Numbers, memory: Numbers, record: int, out: Bytes, to: int) -> int:
    """Write the items that the record has, and the end of its line."""
    first = to
    order = ROWS + cell(plan, COUNT) * WIDTH
    for place in range(order, order + cell(plan, SHOWN)):
        item = cell(plan, place)
        if cell(memory, item * MEMORY_WIDTH + SEEN) != record:
            continue
        if to > first:
            out[to] = COMMA
            to += 1
        to = _item(body, plan, memory, item, out, to)
        if to == DOUBT:
            return DOUBT
    out[to], out[to + 1], out[to + 2] = CLOSE, CLOSE, LINE_BREAK
    return to + 3


@whole(READ_ONLY, NUMBERS, NUMBERS, sources=[Path(__file__).parent])
def knows(body: Bytes, plan: Numbers, memory: Numbers) -> int:
    """Return how many records stand in the body, or DOUBT where one has what the plan does not.

    A blank before a record or behind it is doubt, too.
    """
    at = record = 0
    while at < len(body):
        record += 1
        if byte_at(body, at) != OPEN:
            return DOUBT
        at = _spans(body, at, plan, memory, record)
        if at == DOUBT or byte_at(body, at - 2) != CLOSE:
            return DOUBT
    return record


@part
def _begun(keys: Bytes, key: int, out: Bytes, to: int) -> tuple[int, int]:
    """Begin a line with the key at a place; where the next key begins, and where the line is."""
    to = copied(_HEAD, 0, len(_HEAD), out, to)
    start = key
    while byte_at(keys, key) != LINE_BREAK:
        key += 1
    return key + 1, copied(keys, start, key, out, to)


@whole(READ_ONLY, READ_ONLY, NUMBERS, NUMBERS, BYTES, sources=[Path(__file__).parent])
def wrap(body: Bytes, keys: Bytes, plan: Numbers, memory: Numbers, out: Bytes) -> int:
    """As `show`, with records that leave as they came: as `knows` is sure of each."""
    at = key = to = record = 0
    while at < len(body):
        record += 1
        start = at
        if byte_at(body, at) != OPEN:
            return DOUBT
        at = _spans(body, at, plan, memory, record)
        if at == DOUBT or byte_at(body, at - 2) != CLOSE or key == len(keys):
            return DOUBT
        key, to = _begun(keys, key, out, to)
        to = copied(_WHOLE, 0, len(_WHOLE), out, to)
        to = copied(body, start, at - 1, out, to)
        out[to], out[to + 1] = CLOSE, LINE_BREAK
        to += 2
    return to if key == len(keys) else DOUBT


@whole(READ_ONLY, READ_ONLY, NUMBERS, NUMBERS, BYTES, sources=[Path(__file__).parent])
def show(body: Bytes, keys: Bytes, plan: Numbers, memory: Numbers, out: Bytes) -> int:
    """Write a line for each record; return where they end, or DOUBT.

    Records and their keys, ready to stand between quotation marks, are each ended by a line break.
    A value of two lines would give its neighbours one another's keys: as many keys as records.
    """
    at = key = to = record = 0
    while at < len(body):
        record += 1
        at = _spans(body, at, plan, memory, record)
        if at == DOUBT or key == len(keys):
            return DOUBT
        key, to = _begun(keys, key, out, to)
        to = copied(_DATA, 0, len(_DATA), out, to)
        to = _line(body, plan, memory, record, out, to)
        if to == DOUBT:
            return DOUBT
    return to if key == len(keys) else DOUBT
