"""Records made up of a contract, for people to look at and programs to try; pure.

The same contract always gives the same ones. They are of nobody: resident numbers and credit codes
have a division that was never given to any place, mobile numbers begin with digits that no operator
has. Only where a pattern refuses these, others are taken: births of the year 1900, say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from itertools import chain, islice
from typing import Final

import orjson

from catalog.contracts.keys import KEY_BYTES_MAX, key_of
from catalog.contracts.lines import LINE_BYTES_MAX
from catalog.contracts.model import Checker, Contract, DataType, Field
from catalog.contracts.numbers import DecimalBounds, decimal_bounds, integer_bounds
from catalog.contracts.reading import Number
from catalog.contracts.rules import faults_of, lengths
from catalog.contracts.schema import Schema, json_schema
from catalog.contracts.spelling import CHINESE, PLAIN, SPELLED_MAX, spelled
from kernel.identifiers import make_uscc, resident_check_digit
from kernel.turns import Steps

Value = str | int | bool
Record = Mapping[str, Value | None]

TRIED_MAX: Final = 1_000
"""Values of an item that are tried, of a code list above all."""

_NOWHERE: Final = "459999"
_RESIDENTS: Final = ((_NOWHERE, "19900101"), ("450103", "19000101"), ("110101", "19000101"))
_OFFICES: Final = ("11", "12", "91", "92", "93", "51", "52", "53", "13", "19", "N1", "Y1", "A1")
_DIVISIONS: Final = (_NOWHERE, "450103", "450000", "100000", "110101")
# No operator has 154.
_MOBILES: Final = ("154", *(f"1{digit}8" for digit in "3589746"), "130", "150", "186", "139")
_PLACES: Final = ("450103", "450107")
_SCALE_SHOWN: Final = 6
_DIGITS: Final = 200
_WORD: Final = len("SL0001")


@dataclass(frozen=True, slots=True)
class Examples:
    """Valid records: one with every item, and one whose items are null wherever they may be.

    `unmade` are items of which no value was found that their standard accepts; no record can be
    made where one of them is mandatory, or where a key or a record would be too long.
    """

    records: Sequence[Record]
    unmade: Sequence[Field] = ()

    @property
    def lines(self) -> Sequence[str]:
        """The records as NDJSON."""
        return [orjson.dumps(record).decode() for record in self.records]


def examples(contract: Contract) -> Steps[Examples]:
    """Make the records of a contract; raises UnsafePattern."""
    whole, bare, unmade = dict[str, Value | None](), dict[str, Value | None](), list[Field]()
    for field in contract.fields:
        first = whole[field.name] = _value(field, 1)
        yield
        second = _value(field, 2) if field.mandatory else None
        bare[field.name] = first if second is None and field.mandatory else second
        unmade += [field] if first is None else []
        yield
    if not contract.key_fields or any(field.mandatory for field in unmade):
        return Examples((), unmade)
    keys = [key_of(contract, record) for record in (whole, bare)]
    # A body may hold each key once, and nothing is told by a record without a null.
    told = [whole] if keys[0] == keys[1] or None not in bare.values() else [whole, bare]
    fits = max(map(len, keys)) <= KEY_BYTES_MAX and len(orjson.dumps(whole)) <= LINE_BYTES_MAX
    return Examples(told if fits else (), unmade)


def described(contract: Contract, found: Examples) -> Schema:
    """The contract as a JSON Schema that holds its examples."""
    schema = json_schema(contract)
    return {**schema, "examples": list(found.records)} if found.records else schema


def _value(field: Field, variant: int) -> Value | None:
    """A value that the item's own check accepts; None where none is found."""
    # The codes themselves are what is tried.
    faults = faults_of(replace(field, values=None))
    for value in islice(_values(field, variant), TRIED_MAX):
        is_number = field.data_type is DataType.INTEGER
        if not any(True for _ in faults(Number(value) if is_number else value)):
            return value
    return None


def _values(field: Field, variant: int) -> Iterator[Value]:
    match field.data_type:
        case DataType.INTEGER:
            return _integers(field, variant)
        case DataType.DECIMAL:
            return _decimals(field, variant)
        case DataType.BOOLEAN:
            return iter((variant == 1,))
        case DataType.DATE:
            return iter((f"2024-05-{variant:02d}",))
        case DataType.DATETIME:
            return iter((f"2024-05-{variant:02d}T09:00:00+08:00",))
        case DataType.STRING | DataType.CODE:
            return _texts(field, variant)


def _integers(field: Field, variant: int) -> Iterator[int]:
    low, high = integer_bounds(field)
    if low <= variant <= high:
        yield variant
    elif low <= high:
        yield min(low + variant - 1, high) if low > 0 else max(high - variant + 1, low)


def _decimals(field: Field, variant: int) -> Iterator[str]:
    bounds = decimal_bounds(field)
    with localcontext() as context:
        context.prec = _DIGITS
        for value in _numbers(bounds, variant):
            yield _written(value, min(field.scale or 0, _SCALE_SHOWN))


def _numbers(bounds: DecimalBounds, variant: int) -> Iterator[Decimal]:
    """Yield small numbers, and those nearest to the bounds."""
    step = Decimal(1).scaleb(-min(bounds.fraction, _DIGITS // 2))
    yield Decimal(variant)
    yield Decimal(variant) / 10
    for bound, rounding, way in (
        (bounds.minimum, ROUND_CEILING, 1),
        (bounds.maximum, ROUND_FLOOR, -1),
    ):
        if bound is not None and abs(bound.adjusted()) < _DIGITS // 2:
            nearest = bound.quantize(step, rounding)
            yield nearest + way * (variant - 1) * step
            yield nearest
    yield variant * step
    yield Decimal(0)


def _written(value: Decimal, places: int) -> str:
    """A number in plain notation with at least so many places, and no zeros beyond them."""
    text = format(value, "f")
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(places, "0")
    return f"{whole}.{fraction}" if fraction else whole


def _texts(field: Field, variant: int) -> Iterator[str]:
    least, most = lengths(field)
    if field.values is not None:
        turned = (variant - 1) % max(1, len(field.values))
        return chain(field.values[turned:], field.values[:turned])
    checked = _checked(field.checker, variant) if field.checker else iter(())
    if field.pattern is not None:
        alphabets = PLAIN if field.key else CHINESE
        word = spelled(field.pattern, least, most, variant, alphabets)
        return chain(checked, () if word is None else (word,))
    return checked if field.checker else _words(field, variant, least, most)


def _words(field: Field, variant: int, least: int, most: int | None) -> Iterator[str]:
    """Yield texts that say what they are; a key has few bytes, and no language."""
    limit = SPELLED_MAX if most is None else min(most, SPELLED_MAX)
    number = str(variant)
    if field.key or field.data_type is DataType.CODE:
        word = f"SL{variant:04d}" if limit >= _WORD else number
        yield word.ljust(least, "0")[:limit]
    else:
        yield f"示例{field.label}{'' if variant == 1 else number}".ljust(least, "例")[:limit]
        yield "示例".ljust(least, "例")[:limit]
    yield number.rjust(least, "0")[-limit:]


def _checked(checker: Checker, variant: int) -> Iterator[str]:
    match checker:
        case Checker.RESIDENT_ID:
            bodies = (
                f"{place}{born}{number:03d}"
                for place, born in _RESIDENTS
                for number in range(variant, 100)
            )
            return (body + resident_check_digit(body) for body in bodies)
        case Checker.USCC:
            return (
                make_uscc(office[0], office[1], place, f"{number:08d}")
                for number in range(variant, 10)
                for office in _OFFICES
                for place in _DIVISIONS
            )
        case Checker.MOBILE:
            return (f"{head}{n:08d}" for n in range(variant, 50) for head in _MOBILES)
        case Checker.DIVISION_CODE:
            turned = _PLACES[variant - 1 :] + _PLACES[: variant - 1]
            return (place + tail for tail in ("", "001", "001001") for place in turned)
