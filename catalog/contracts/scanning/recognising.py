"""Reads a string by an automaton, finds it in a code list (automaton.py, layout.py)."""

from catalog.contracts.scanning.layout import (
    BYTES_IN_CELL,
    CLASSES,
    CUTS,
    CUTS_END,
    DEAD,
    FIRST_WORD,
    START,
    WORD_CELLS,
    WORD_COUNT,
)
from kernel.machine.code import part
from kernel.machine.marks import ASCII, BACKSLASH, DOUBT, QUOTE, SPACE
from kernel.machine.text import Bytes, Numbers, byte_at, cell, character


@part
def recognised(body: Bytes, start: int, plan: Numbers, automaton: int) -> tuple[int, int]:
    """Where a string ends, and its characters; DOUBT unless an automaton accepts it."""
    at, more = start, 0
    state, dead = cell(plan, automaton + START), cell(plan, automaton + DEAD)
    while True:
        byte = byte_at(body, at)
        if byte == QUOTE:
            break
        if byte < SPACE or byte == BACKSLASH or state == dead:
            return DOUBT, 0
        if byte < ASCII:
            kind = cell(plan, automaton + CLASSES + byte)
            at += 1
        else:
            code, size = character(body, at)
            if size == 0:
                return DOUBT, 0
            kind = _class(
                plan, cell(plan, automaton + CUTS), cell(plan, automaton + CUTS_END), code
            )
            at += size
            more += size - 1
        state = cell(plan, state + 1 + kind)
    return (at, at - start - more) if cell(plan, state) else (DOUBT, 0)


@part
def _class(plan: Numbers, first: int, last: int, code: int) -> int:
    """How many cuts lie at the character or before it."""
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        if cell(plan, middle) <= code:
            low = middle + 1
        else:
            high = middle
    return low - first


@part
def listed(body: Bytes, start: int, end: int, plan: Numbers, words: int) -> bool:
    """Whether a string is one of a code list, found by halves."""
    size = cell(plan, words + WORD_CELLS)
    low, high = 0, cell(plan, words + WORD_COUNT)
    if end - start > size * BYTES_IN_CELL:
        return False
    while low < high:
        middle = (low + high) // 2
        order = _order(body, start, end, plan, words + FIRST_WORD + middle * size, size)
        if order == 0:
            return True
        if order < 0:
            high = middle
        else:
            low = middle + 1
    return False


@part
def _order(body: Bytes, start: int, end: int, plan: Numbers, word: int, size: int) -> int:
    """Below 0 where a string stands before a word, 0 where it is the word."""
    at = start
    for place in range(size):
        packed = 0
        for _ in range(BYTES_IN_CELL):
            packed = packed * 256 + (int(byte_at(body, at)) if at < end else 0)
            at += 1
        if packed != cell(plan, word + place):
            return -1 if packed < cell(plan, word + place) else 1
    return 0
