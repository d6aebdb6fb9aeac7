"""The checkers that an element may name: one value at a time, or a whole column at once.

A function for one value answers its fault (a code of an error) or None; one for a column answers
whether every value is right. Social credit codes, resident and mobile numbers are those of
kernel/identifiers.py.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from catalog.contracts.model import Checker
from kernel.identifiers import (
    BASE36,
    BORN,
    BORN_FROM_YEAR,
    MOBILE_SHAPE,
    ORGANISATION,
    ORGANISATION_CHECK,
    ORGANISATION_CHECKS,
    ORGANISATION_WEIGHTS,
    PATTERN,
    RESIDENT_CHECKS,
    RESIDENT_SHAPE,
    RESIDENT_WEIGHTS,
    USCC_ALPHABET,
    USCC_MODULUS,
    USCC_OFFICES,
    USCC_SHAPE,
    USCC_WEIGHTS,
    Today,
    any_day,
    mobile,
    resident_id,
    uscc,
    values_of,
)

DIVISION_SHAPE: Final = "(?:0[1-9]|[1-9][0-9])[0-9]{4}(?:[0-9]{3}){0,2}"

SHAPES: Final[Mapping[Checker, str]] = {
    Checker.RESIDENT_ID: RESIDENT_SHAPE,
    Checker.USCC: USCC_SHAPE,
    Checker.DIVISION_CODE: DIVISION_SHAPE,
    Checker.MOBILE: MOBILE_SHAPE,
}

_ID_LENGTH: Final = 18
_INVALID: Final = 255
_DIVISION: Final = re.compile(DIVISION_SHAPE)
_DIVISIONS: Final = re.compile(rf"(?:{DIVISION_SHAPE}\n)*+")
_MOBILES: Final = re.compile(rf"(?:{MOBILE_SHAPE}\n)*+")

_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Check:
    one: Callable[[str], str | None]
    every: Callable[[Sequence[str]], bool]


def division_code(value: str) -> str | None:
    """The shape of a GB/T 2260 or statistical division code: 6, 9 or 12 digits, no province 00."""
    return None if _DIVISION.fullmatch(value) else PATTERN


def every_resident_id(values: Sequence[str], today: Today = any_day) -> bool:
    grid = _grid(values)
    if grid is None:
        return False
    digits = grid[:, :17] - _CODE_OF_0
    check = grid[:, 17]
    if (digits > _NINE).any() or (digits[:, 0] == 0).any():
        return False
    expected = _RESIDENT_TABLE[(digits.astype(np.float32) @ _RESIDENT_VECTOR).astype(np.int32) % 11]
    return bool((check == expected).all()) and _every_birth(digits[:, BORN], today())


def every_uscc(values: Sequence[str]) -> bool:
    grid = _grid(values)
    if grid is None:
        return False
    outer = _USCC_TABLE[grid]
    office, category = _OFFICE_TABLE[grid[:, 0]], grid[:, 1] - _CODE_OF_1
    if (outer == _INVALID).any() or not office.all() or (category >= _NINE).any():
        return False
    if (grid[:, 2:8] > ord("9")).any():
        return False
    inner = _BASE36_TABLE[grid[:, ORGANISATION]].astype(np.float32) @ _ORGANISATION_VECTOR
    total = outer[:, :17].astype(np.float32) @ _USCC_VECTOR
    inner_right = grid[:, ORGANISATION_CHECK] == _ORGANISATION_TABLE[inner.astype(np.int32) % 11]
    right = outer[:, 17] == -total.astype(np.int32) % USCC_MODULUS
    return bool(inner_right.all() and right.all())


def every_division_code(values: Sequence[str]) -> bool:
    return _every(_DIVISIONS, values)


def every_mobile(values: Sequence[str]) -> bool:
    return _every(_MOBILES, values)


def check_of(checker: Checker, today: Today) -> Check:
    """The checker, with a calendar where it asks for one."""
    if checker is Checker.RESIDENT_ID:
        one, every = partial(resident_id, today=today), partial(every_resident_id, today=today)
        return Check(one, every)
    return CHECKS[checker]


CHECKS: Final[Mapping[Checker, Check]] = {
    Checker.RESIDENT_ID: Check(resident_id, every_resident_id),
    Checker.USCC: Check(uscc, every_uscc),
    Checker.DIVISION_CODE: Check(division_code, every_division_code),
    Checker.MOBILE: Check(mobile, every_mobile),
}


def _every(lines: re.Pattern[str], values: Sequence[str]) -> bool:
    text = "\n".join(values) + "\n" if values else ""
    # A value that holds a line break would pass as two.
    return text.count("\n") == len(values) and lines.fullmatch(text) is not None


def _grid(values: Sequence[str]) -> _Bytes | None:
    """One row of 18 bytes a value, None where a value has another length."""
    if not {_ID_LENGTH}.issuperset(map(len, values)):
        return None
    # Bytes beyond ASCII would shift every row after them; "?" is in no alphabet.
    text = "".join(values).encode("ascii", "replace")
    return np.frombuffer(text, np.uint8).reshape(-1, _ID_LENGTH)


def _every_birth(digits: _Bytes, today: date) -> bool:
    """Real days between BORN_FROM_YEAR and today."""
    month, day = _two_digits(digits[:, 4:6]), _two_digits(digits[:, 6:8])
    if (day - _ONE >= _MONTH_DAYS[month]).any():
        return False
    born = digits.astype(np.float64) @ _PLACES
    if (born < BORN_FROM_YEAR * _YEAR).any() or (born > int(f"{today:%Y%m%d}")).any():
        return False
    # 58 is the product of no other real month and day.
    leap_days = born[month * day == _FEBRUARY_29].astype(np.int32) // _YEAR
    leap = (leap_days % 4 == 0) & ((leap_days % 100 != 0) | (leap_days % 400 == 0))
    return bool(leap.all())


def _two_digits(digits: _Bytes) -> _Bytes:
    return digits[:, 0] * _TEN + digits[:, 1]


# Sums stay far below 2**24, so float32 products (which numpy hands to BLAS) are exact; a birth date
# as a number of eight digits needs float64.
_RESIDENT_VECTOR: Final = np.array(RESIDENT_WEIGHTS, np.float32)
_RESIDENT_TABLE: Final = np.frombuffer(RESIDENT_CHECKS.encode(), np.uint8)
_USCC_VECTOR: Final = np.array(USCC_WEIGHTS, np.float32)
_USCC_TABLE: Final = np.frombuffer(values_of(USCC_ALPHABET), np.uint8)
_OFFICE_TABLE: Final = np.isin(np.arange(256), list(USCC_OFFICES.encode()))
_BASE36_TABLE: Final = np.frombuffer(values_of(BASE36), np.uint8)
_ORGANISATION_VECTOR: Final = np.array(ORGANISATION_WEIGHTS, np.float32)
_ORGANISATION_TABLE: Final = np.frombuffer(ORGANISATION_CHECKS.encode(), np.uint8)
_PLACES: Final = 10.0 ** np.arange(7, -1, -1)
_YEAR: Final = 10_000
_ONE, _NINE, _TEN, _CODE_OF_0, _CODE_OF_1 = map(np.uint8, (1, 9, 10, 48, 49))
_FEBRUARY_29: Final = 2 * 29
_MONTH_DAYS: Final = np.zeros(100, np.uint8)
_MONTH_DAYS[1:13] = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
