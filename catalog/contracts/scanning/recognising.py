"""Reads a string by an automaton (automaton.py, layout.py)."""

from catalog.contracts.scanning.layout import CLASSES, CUTS, CUTS_END, DEAD, START
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
