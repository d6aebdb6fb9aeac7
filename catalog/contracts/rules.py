"""What each item's value must be, in full: the rule that the batch checks only hurry."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeGuard

from catalog.contracts.dates import DAY, MOMENT
from catalog.contracts.model import DataType, Field
from catalog.contracts.numbers import INTEGER, PLAIN, decimal_bounds, integer_bounds
from catalog.contracts.patterns import VALUE_LENGTH_MAX, compile_lines, ways_of
from catalog.contracts.reading import Number
from catalog.rules.checkers import check_of
from kernel.identifiers import Today, any_day

Faults = Callable[[object], Iterable[str]]
"""The codes (of reasons.py) of all that is wrong with a parsed value that is not null."""

TEXT: Final = "text"
"""The fault of a string that no text column keeps: a NUL, or half a surrogate pair."""

_DAY: Final = re.compile(DAY)
_MOMENT: Final = re.compile(MOMENT)
_UNSOUND: Final = re.compile("[\x00\ud800-\udfff]")
_INTEGER_LENGTH_MAX: Final = 20


def lengths(field: Field) -> tuple[int, int | None]:
    """Fewest and most characters; a key is never empty, a value with a pattern never endless.

    Beyond VALUE_LENGTH_MAX a pattern may only stand where one way leads through each value.
    """
    least = max(field.min_length or 0, int(field.key))
    most = field.max_length
    if field.pattern is None or (most is not None and most <= VALUE_LENGTH_MAX):
        return least, most
    bounded = most is not None and ways_of(field.pattern) == 1
    return least, most if bounded else VALUE_LENGTH_MAX


def steps_per_character(field: Field) -> int:
    """Most steps that checking a value may take, for each of its characters."""
    return 1 if field.pattern is None else ways_of(field.pattern)


def faults_of(
    field: Field, today: Today = any_day, members: frozenset[str] | None = None
) -> Faults:
    """The check of one item; `members` are the codes of its list, where they are at hand."""
    match field.data_type:
        case DataType.STRING | DataType.CODE:
            return _text(field, today, members)
        case DataType.INTEGER:
            return _integer(field)
        case DataType.DECIMAL:
            return _decimal(field)
        case DataType.BOOLEAN:
            return lambda value: () if isinstance(value, bool) else ("wrong_type",)
        case DataType.DATE:
            return lambda value: () if is_text(value) and _DAY.fullmatch(value) else ("wrong_type",)
        case DataType.DATETIME:
            return lambda value: (
                () if is_text(value) and _MOMENT.fullmatch(value) else ("wrong_type",)
            )


def is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and not isinstance(value, Number)


def matches(lines: re.Pattern[str], value: str) -> bool:
    """Whether one value, no line break in it, matches a pattern of compile_lines."""
    return "\n" not in value and lines.fullmatch(f"{value}\n") is not None


def _text(field: Field, today: Today, members: frozenset[str] | None) -> Faults:
    least, most = lengths(field)
    pattern = None if field.pattern is None else compile_lines(field.pattern)
    values = frozenset(field.values) if members is None and field.values is not None else members
    check = check_of(field.checker, today).one if field.checker else None

    def faults(value: str) -> Iterator[str]:
        if _UNSOUND.search(value):
            yield TEXT
        if len(value) < least:
            yield "too_short"
        if most is not None and len(value) > most:
            yield "too_long"
        elif pattern is not None and not matches(pattern, value):
            yield "pattern"
        if values is not None and value not in values:
            yield "not_in_code_list"
        fault = check(value) if check else None
        if fault:
            yield fault

    return lambda value: dict.fromkeys(faults(value)) if is_text(value) else ("wrong_type",)


def _integer(field: Field) -> Faults:
    low, high = integer_bounds(field)

    def faults(value: object) -> Iterator[str]:
        if not isinstance(value, Number) or not INTEGER.fullmatch(value):
            yield "wrong_type"
        elif len(value) > _INTEGER_LENGTH_MAX or not low <= int(value) <= high:
            yield "out_of_range"

    return faults


def _decimal(field: Field) -> Faults:
    bounds = decimal_bounds(field)

    def faults(value: object) -> Iterator[str]:
        if not isinstance(value, Number) and not (is_text(value) and PLAIN.fullmatch(value)):
            yield "wrong_type"
        elif not bounds.allow(str(value)):
            yield "out_of_range"

    return faults
