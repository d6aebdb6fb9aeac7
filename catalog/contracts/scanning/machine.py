"""The pass over the records of a body: compiled, with the bounds of every array checked."""

from pathlib import Path

from catalog.contracts.scanning.check_digits import is_resident_id, is_uscc
from catalog.contracts.scanning.layout import (
    AUTOMATON,
    BOOLEAN,
    CHECK,
    COUNT,
    DATE,
    DECIMAL,
    HIGH,
    INTEGER,
    ITEM_WIDTH,
    ITEMS,
    KEY,
    KEY_BYTES,
    KEYS,
    KIND,
    LEAST,
    MANDATORY,
    MOMENT,
    MOST,
    NAME,
    PLACE,
    RECORD,
    RESIDENT_ID,
    ROWS,
    SEEN,
    SHAPE,
    USCC,
    VALUE,
    VALUE_END,
    WIDTH,
    WORDS,
)
from catalog.contracts.scanning.numerals import decimal_end, integer_end
from catalog.contracts.scanning.recognising import listed, recognised
from catalog.contracts.scanning.times import day_end, moment_end
from kernel.machine.code import BYTES, NUMBER, NUMBERS, READ_ONLY, part, whole
from kernel.machine.marks import CLOSE, COMMA, DOUBT, LINE_BREAK, OPEN, PERCENT, QUOTE, TILDE
from kernel.machine.text import (
    FALSE,
    NULL,
    TRUE,
    Bytes,
    Numbers,
    after_space,
    byte_at,
    cell,
    member,
    text_end,
    word_end,
)


@part
def _record(body: Bytes, at: int, plan: Numbers, memory: Numbers, record: int, wanted: int) -> int:
    """One object on a line, each item at most once and none missing that must be there.

    Blanks around it are doubt, so that nobody stores them (lines.bare).
    """
    if byte_at(body, at) != OPEN:
        return DOUBT
    at = after_space(body, at + 1)
    expected = mandatory = 0
    while True:
        item, at = member(body, at, plan, ROWS + NAME, WIDTH, cell(plan, COUNT), expected)
        if at == DOUBT:
            return DOUBT
        known, row = ITEMS + item * ITEM_WIDTH, ROWS + item * WIDTH
        end = _value(body, at, plan, row)
        if end == DOUBT or memory[known + SEEN] == record:
            return DOUBT
        memory[known + SEEN], memory[known + VALUE], memory[known + VALUE_END] = record, at, end
        mandatory += cell(plan, row + MANDATORY)
        expected = item + 1
        at = after_space(body, end)
        if byte_at(body, at) != COMMA:
            break
        at = after_space(body, at + 1)
    if byte_at(body, at) != CLOSE:
        return DOUBT
    at += 1
    return at + 1 if byte_at(body, at) == LINE_BREAK and mandatory == wanted else DOUBT


@part
def _value(body: Bytes, at: int, plan: Numbers, row: int) -> int:
    kind = cell(plan, row + KIND)
    if byte_at(body, at) == NULL[0]:
        return DOUBT if cell(plan, row + MANDATORY) else word_end(body, at, NULL)
    if kind == INTEGER:
        return integer_end(body, at, plan, row)
    if kind == BOOLEAN:
        end = word_end(body, at, TRUE)
        return end if end != DOUBT else word_end(body, at, FALSE)
    if byte_at(body, at) != QUOTE:
        return decimal_end(body, at, plan, row) if kind == DECIMAL else DOUBT
    at += 1
    if kind == DECIMAL:
        end = decimal_end(body, at, plan, row)
    elif kind == DATE:
        end = day_end(body, at, 1)
    elif kind == MOMENT:
        end = moment_end(body, at)
    else:
        end = _text(body, at, plan, row)
    return end + 1 if end != DOUBT and byte_at(body, end) == QUOTE else DOUBT


@part
def _text(body: Bytes, start: int, plan: Numbers, row: int) -> int:
    """A string's characters up to its end, with its length, pattern and check digit."""
    if cell(plan, row + AUTOMATON):
        at, characters = recognised(body, start, plan, cell(plan, row + AUTOMATON))
    else:
        at, characters = text_end(body, start)
    if at == DOUBT or characters < cell(plan, row + LEAST) or characters > cell(plan, row + MOST):
        return DOUBT
    if cell(plan, row + WORDS) and not listed(body, start, at, plan, cell(plan, row + WORDS)):
        return DOUBT
    if (
        cell(plan, row + SHAPE)
        and recognised(body, start, plan, cell(plan, row + SHAPE))[0] == DOUBT
    ):
        return DOUBT
    if cell(plan, row + CHECK) == RESIDENT_ID and not is_resident_id(
        body, start, at, cell(plan, row + HIGH)
    ):
        return DOUBT
    if cell(plan, row + CHECK) == USCC and not is_uscc(body, start, at):
        return DOUBT
    return at


@part
def _key(body: Bytes, plan: Numbers, memory: Numbers, keys: Bytes, written: int) -> int:
    """Write the key of the record whose values are remembered; DOUBT where it needs escapes."""
    first = written
    for item in range(cell(plan, COUNT)):
        if not cell(plan, ROWS + item * WIDTH + KEY):
            continue
        if written > first:
            keys[written] = TILDE
            written += 1
        known = ITEMS + item * ITEM_WIDTH
        start, end = memory[known + VALUE], memory[known + VALUE_END]
        quoted = byte_at(body, start) == QUOTE
        for place in range(start + quoted, end - quoted):
            byte = byte_at(body, place)
            if byte in (PERCENT, TILDE):
                return DOUBT
            keys[written] = byte
            written += 1
    if written - first > cell(plan, KEY_BYTES):
        return DOUBT
    keys[written] = LINE_BREAK
    return written + 1


@whole(
    *(READ_ONLY, NUMBERS, NUMBERS, BYTES, NUMBERS, NUMBERS, NUMBER),
    sources=[Path(__file__).parent],
)
def scan(
    body: Bytes,
    plan: Numbers,
    memory: Numbers,
    keys: Bytes,
    key_ends: Numbers,
    ends: Numbers,
    records: int,
) -> int:
    """Read at most so many records on; return the place reached, or DOUBT.

    Keys are written one behind the other, each ended by a line break. Where keys and records end is
    noted behind a first 0; more records than there is room for are doubt.
    """
    at, record, written = cell(memory, PLACE), cell(memory, RECORD), cell(memory, KEYS)
    last = record + records
    wanted = 0
    for item in range(cell(plan, COUNT)):
        wanted += cell(plan, ROWS + item * WIDTH + MANDATORY)
    while at < len(body) and record < last:
        record += 1
        if record >= len(ends):
            return DOUBT
        at = _record(body, at, plan, memory, record, wanted)
        if at == DOUBT:
            return DOUBT
        written = _key(body, plan, memory, keys, written)
        if written == DOUBT:
            return DOUBT
        ends[record], key_ends[record] = at, written
    memory[PLACE], memory[RECORD], memory[KEYS] = at, record, written
    return at
