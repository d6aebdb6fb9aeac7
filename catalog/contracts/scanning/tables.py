"""A contract's items as the tables that the compiled pass reads."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from catalog.contracts.domains import Domain, Domains
from catalog.contracts.keys import KEY_BYTES_MAX
from catalog.contracts.model import Checker, DataType, Field
from catalog.contracts.numbers import INTEGER_MAX, decimal_bounds, integer_bounds
from catalog.contracts.rules import lengths
from catalog.contracts.scanning import layout
from catalog.contracts.scanning.automaton import (
    CELLS_MAX,
    DEAD,
    START,
    Effort,
    TooLarge,
    of_pattern,
)
from catalog.rules.checkers import SHAPES
from kernel.identifiers import KNOWN_PAST
from kernel.machine.marks import as_written
from kernel.turns import Steps

Plan: TypeAlias = npt.NDArray[np.int64]

_KINDS: Final = {
    DataType.STRING: layout.TEXT,
    DataType.CODE: layout.TEXT,
    DataType.INTEGER: layout.INTEGER,
    DataType.DECIMAL: layout.DECIMAL,
    DataType.BOOLEAN: layout.BOOLEAN,
    DataType.DATE: layout.DATE,
    DataType.DATETIME: layout.MOMENT,
}
# The pass reads the shape of a resident number by itself.
_SHAPED: Final = frozenset({Checker.USCC, Checker.DIVISION_CODE, Checker.MOBILE})
_CHECKS: Final = {Checker.RESIDENT_ID: layout.RESIDENT_ID, Checker.USCC: layout.USCC}


def plan_of(fields: Sequence[Field], domains: Domains) -> Steps[Plan | None]:
    """The plan of a contract; None where the pass cannot read such records."""
    names = [name for field in fields if (name := as_written(field.name))]
    if len(names) < len(fields):
        return None
    writing = _Writing(layout.ROWS + layout.WIDTH * len(fields))
    writing.cells[layout.COUNT] = len(fields)
    writing.cells[layout.KEY_BYTES] = KEY_BYTES_MAX
    for place, (field, name) in enumerate(zip(fields, names, strict=True)):
        try:
            facts = _facts(field, domains.of(field), writing)
            yield
        except TooLarge:
            return None
        facts[layout.NAME] = writing.add(name)
        facts[layout.NAME_END] = len(writing.cells)
        for column, value in facts.items():
            writing.cells[layout.ROWS + layout.WIDTH * place + column] = value
    return np.array(writing.cells, np.int64)


class _Writing:
    """A plan while it grows."""

    def __init__(self, size: int) -> None:
        self.cells = [0] * size
        self.effort = Effort()
        self._lists: dict[int, int] = {}

    def _require_room(self, size: int) -> None:
        if len(self.cells) + size > CELLS_MAX:
            raise TooLarge

    def add(self, values: Iterable[int]) -> int:
        """Return where the values begin."""
        start = len(self.cells)
        self.cells += values
        return start

    def add_pattern(self, pattern: str) -> int:
        """Add the automaton of a pattern; raises TooLarge."""
        automaton = of_pattern(pattern, self.effort)
        self._require_room(len(automaton.steps) * (len(automaton.cuts) + 2))
        start = self.add([0] * layout.CLASSES)
        self.add(automaton.ascii)
        cuts = self.add(automaton.cuts)
        states = len(self.cells)
        width = 1 + len(automaton.cuts) + 1
        self.cells[start : start + layout.CLASSES] = (
            *(states + DEAD * width, states + START * width),
            *(cuts, states),
        )
        for steps, accepts in zip(automaton.steps, automaton.accepts, strict=True):
            self.add([accepts, *(states + width * step for step in steps)])
        return start

    def add_domain(self, domain: Domain) -> int:
        """Add a code list in its order, once for all items that have it; raises TooLarge."""
        if id(domain) not in self._lists:
            words = sorted(word for value in domain.words if (word := as_written(value)))
            self._lists[id(domain)] = self._add_words(words)
        return self._lists[id(domain)]

    def _add_words(self, words: Sequence[bytes]) -> int:
        size = -(-max(map(len, words), default=0) // layout.BYTES_IN_CELL)
        self._require_room(size * len(words))
        start = self.add((len(words), size))
        for word in words:
            filled = word.ljust(size * layout.BYTES_IN_CELL, b"\0")
            self.add(
                int.from_bytes(filled[place : place + layout.BYTES_IN_CELL])
                for place in range(0, len(filled), layout.BYTES_IN_CELL)
            )
        return start


def _facts(field: Field, domain: Domain | None, writing: _Writing) -> dict[int, int]:
    facts = {
        layout.KIND: _KINDS[field.data_type],
        layout.MANDATORY: field.mandatory,
        layout.KEY: field.key,
    }
    match field.data_type:
        case DataType.INTEGER:
            low, high = integer_bounds(field)
            return facts | {layout.LOW: low, layout.HIGH: high}
        case DataType.DECIMAL:
            return facts | _decimal_facts(field)
        case DataType.STRING | DataType.CODE:
            return facts | _text_facts(field, domain, writing)
    return facts


def _text_facts(field: Field, domain: Domain | None, writing: _Writing) -> dict[int, int]:
    if domain is not None:
        # Its pattern, lengths and checker have let these values pass already.
        return {layout.MOST: INTEGER_MAX, layout.WORDS: writing.add_domain(domain)}
    least, most = lengths(field)
    facts = {layout.LEAST: least, layout.MOST: INTEGER_MAX if most is None else most}
    if field.pattern is not None:
        facts[layout.AUTOMATON] = writing.add_pattern(field.pattern)
    if field.checker in _SHAPED:
        facts[layout.SHAPE] = writing.add_pattern(SHAPES[field.checker])
    if field.checker in _CHECKS:
        facts[layout.CHECK] = _CHECKS[field.checker]
    if field.checker is Checker.RESIDENT_ID:
        # Later births are doubted, so that a plan need not know what day it is.
        facts[layout.HIGH] = int(f"{KNOWN_PAST:%Y%m%d}") - 1
    return facts


def _decimal_facts(field: Field) -> dict[int, int]:
    bounds = decimal_bounds(field)
    facts = {
        layout.WHOLE: bounds.whole,
        layout.FRACTION: bounds.fraction,
        layout.TOGETHER: bounds.together,
        layout.UNSIGNED: bounds.minimum is not None and bounds.minimum >= 0,
    }
    if bounds.minimum not in {None, Decimal(0)} or bounds.maximum is not None:
        facts[layout.RANGED] = True
        facts[layout.LOW] = _units(bounds.minimum, bounds.fraction, -1)
        facts[layout.HIGH] = _units(bounds.maximum, bounds.fraction, 1)
    return facts


def _units(bound: Decimal | None, fraction: int, sign: int) -> int:
    """A bound in units of the last decimal place, never wider than it is."""
    if bound is None:
        return sign * INTEGER_MAX
    units: Fraction = Fraction(bound) * 10**fraction
    inside = floor(units) if sign > 0 else ceil(units)
    return max(-INTEGER_MAX, min(INTEGER_MAX, inside))
