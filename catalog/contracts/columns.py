"""Checks of one item over a whole batch, and over one value where the batch is small.

They may doubt a valid value, never trust a wrong one: a doubt costs a second look (records.py).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import Any, Final

from catalog.contracts.dates import MOMENT
from catalog.contracts.decoding import slot
from catalog.contracts.domains import Domains
from catalog.contracts.model import DataType, Field
from catalog.contracts.numbers import DecimalBounds, decimal_bounds
from catalog.contracts.patterns import compile_lines
from catalog.contracts.rules import matches, steps_per_character
from catalog.rules.checkers import check_of
from kernel.identifiers import Today

_MOMENTS: Final = re.compile(f"(?:{MOMENT}\n)*+")


@dataclass(frozen=True, slots=True)
class Check:
    one: Callable[[Any], bool]
    every: Callable[[Sequence[Any]], bool]
    effort: int = 1
    """Most steps for each character of a value."""


@dataclass(frozen=True, slots=True)
class Column:
    """An item that needs a look after decoding; its checks see no null and no absent value."""

    get: Callable[[Any], Any]
    optional: bool
    checks: tuple[Check, ...]


def columns_of(fields: Sequence[Field], today: Today, domains: Domains) -> list[Column]:
    return [
        Column(attrgetter(slot(place)), not field.mandatory, checks)
        for place, field in enumerate(fields)
        if (checks := tuple(_checks(field, today, domains))) or not field.mandatory
    ]


def _checks(field: Field, today: Today, domains: Domains) -> Iterator[Check]:
    if field.data_type is DataType.DECIMAL:
        yield _decimals(decimal_bounds(field), nullable=not field.mandatory)
    elif field.data_type is DataType.DATETIME:
        yield _lines(_MOMENTS)
    elif field.textual and (domain := domains.of(field)) is not None:
        # A short list is the decoder's; every value that may pass has been checked already.
        if not domain.is_short:
            yield Check(domain.allowed.__contains__, domain.allowed.issuperset)
    elif field.textual:
        if field.pattern is not None:
            yield _lines(compile_lines(field.pattern), steps_per_character(field))
        if field.checker:
            check = check_of(field.checker, today)
            yield Check(lambda value: check.one(value) is None, check.every)


def _lines(pattern: re.Pattern[str], effort: int = 1) -> Check:
    def every(values: Sequence[str]) -> bool:
        text = "\n".join((*values, ""))
        # A value that holds a line break would pass as two.
        return text.count("\n") == len(values) and pattern.fullmatch(text) is not None

    return Check(partial(matches, pattern), every, effort)


def _decimals(bounds: DecimalBounds, *, nullable: bool) -> Check:
    """Values are JSON tokens: quotation marks come in pairs, and only arrays hold a line break."""
    unsigned = bounds.minimum is not None and bounds.minimum >= 0
    null = "|null" if nullable else ""
    number = bounds.pattern(signed=not unsigned)
    pattern = re.compile(f'(?:(?:"?{number}"?{null})\n)*+'.encode())
    told = bounds.minimum in {None, Decimal(0)} and (
        bounds.maximum is None or bounds.maximum >= Decimal(10) ** bounds.whole
    )

    def every(values: Sequence[Any]) -> bool:
        text = b"\n".join((*values, b""))
        if not pattern.fullmatch(text):
            return False
        return told or all(map(bounds.include, _numbers(text)))

    return Check(lambda value: every((value,)), every)


def _numbers(text: bytes) -> Iterator[Decimal]:
    for number in text.decode().replace('"', "").split():
        if number != "null":
            yield Decimal(number)
