"""Identifiers that check themselves: one value at a time, or a whole column at once.

A function for one value answers its fault, `pattern` (the shape) or `check_digit`, or None; one for
a column answers whether every value is right. Regions inside an identifier are not looked up: codes
change in time, and the old ones stay in use.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Final

import numpy as np
import numpy.typing as npt

from catalog.contracts.dates import day_pattern
from catalog.contracts.model import Checker

PATTERN: Final = "pattern"
CHECK_DIGIT: Final = "check_digit"

_ID_LENGTH: Final = 18
_INVALID: Final = 255


def _table(alphabet: str) -> bytes:
    """The value of each byte in an alphabet, for bytes.translate and numpy alike."""
    return bytes(alphabet.find(chr(code)) % 256 for code in range(256))


_RESIDENT: Final = re.compile(rf"[1-9][0-9]{{5}}(?=[12]){day_pattern('')}[0-9]{{3}}[0-9X]")
_RESIDENT_SHAPE: Final = re.compile(r"[1-9][0-9]{16}[0-9X]")
_RESIDENT_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_ZEROS: Final = ord("0") * sum(_RESIDENT_WEIGHTS)
_RESIDENT_DIGITS: Final = "10X98765432"

_USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC: Final = re.compile(r"[1-9ANY][1-9][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_USCC_VALUES: Final = _table(_USCC_ALPHABET)
_USCC_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
_USCC_MODULUS: Final = 31

_ORGANISATION: Final = slice(8, 16)
_ORGANISATION_CHECK: Final = 16
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_DIGITS: Final = "0X987654321"
_BASE36: Final = _table("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")

_DIVISION: Final = re.compile(r"(?!00)[0-9]{6}(?:[0-9]{3}){0,2}")
_DIVISIONS: Final = re.compile(r"(?:(?!00)[0-9]{6}(?:[0-9]{3}){0,2}\n)*+")
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
_MOBILES: Final = re.compile(r"(?:1[3-9][0-9]{9}\n)*+")

_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Check:
    one: Callable[[str], str | None]
    every: Callable[[Sequence[str]], bool]


def resident_id(value: str) -> str | None:
    """GB 11643-1999: a real birth date, check digit MOD 11-2, capital X, any region."""
    born = _RESIDENT.fullmatch(value) is not None
    if not born and not _RESIDENT_SHAPE.fullmatch(value):
        return PATTERN
    if value[17] != resident_check_digit(value[:17]):
        return CHECK_DIGIT
    return None if born else PATTERN


def resident_check_digit(body: str) -> str:
    """The 18th character for 17 digits."""
    total = sum(map(mul, body.encode("ascii"), _RESIDENT_WEIGHTS))
    return _RESIDENT_DIGITS[(total - _RESIDENT_ZEROS) % 11]


def uscc(value: str) -> str | None:
    """GB 32100-2015: registering office (N, A, Y too), both check characters (GB 11714 inside)."""
    if not _USCC.fullmatch(value):
        return PATTERN
    if value[_ORGANISATION_CHECK] != organisation_check(value[_ORGANISATION]):
        return CHECK_DIGIT
    return None if value[17] == uscc_check(value[:17]) else CHECK_DIGIT


def organisation_check(body: str) -> str:
    """GB 11714: the ninth character of an organisation code, for its first eight."""
    values = body.encode("ascii").translate(_BASE36)
    return _ORGANISATION_DIGITS[sum(map(mul, values, _ORGANISATION_WEIGHTS)) % 11]


def uscc_check(body: str) -> str:
    """The 18th character for 17."""
    total = sum(map(mul, body.encode("ascii").translate(_USCC_VALUES), _USCC_WEIGHTS))
    return _USCC_ALPHABET[-total % _USCC_MODULUS]


def make_uscc(office: str, category: str, division: str, organisation: str) -> str:
    """A valid code of its parts: `11`, a 6-digit division, 8 characters that name the organisation.

    For fictitious departments of demos and tests. Raises ValueError where a part cannot stand.
    """
    body = office + category + division + organisation + organisation_check(organisation)
    code = body + uscc_check(body)
    if uscc(code) is not None:
        raise ValueError(f"no unified social credit code has these parts: {code}")
    return code


def division_code(value: str) -> str | None:
    """The shape of a GB/T 2260 or statistical division code: 6, 9 or 12 digits, no province 00."""
    return None if _DIVISION.fullmatch(value) else PATTERN


def mobile(value: str) -> str | None:
    """A mainland mobile number, 1[3-9] and nine digits, without country code."""
    return None if _MOBILE.fullmatch(value) else PATTERN


def every_resident_id(values: Sequence[str]) -> bool:
    grid = _grid(values)
    if grid is None:
        return False
    digits = grid[:, :17] - _CODE_OF_0
    check = grid[:, 17]
    if (digits > _NINE).any() or (digits[:, 0] == 0).any():
        return False
    expected = _RESIDENT_TABLE[(digits.astype(np.float32) @ _RESIDENT_VECTOR).astype(np.int32) % 11]
    return bool((check == expected).all()) and _every_date(digits[:, 6:14])


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
    inner = _BASE36_TABLE[grid[:, _ORGANISATION]].astype(np.float32) @ _ORGANISATION_VECTOR
    total = outer[:, :17].astype(np.float32) @ _USCC_VECTOR
    inner_right = grid[:, 16] == _ORGANISATION_TABLE[inner.astype(np.int32) % 11]
    right = outer[:, 17] == -total.astype(np.int32) % _USCC_MODULUS
    return bool(inner_right.all() and right.all())


def every_division_code(values: Sequence[str]) -> bool:
    return _every(_DIVISIONS, values)


def every_mobile(values: Sequence[str]) -> bool:
    return _every(_MOBILES, values)


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


def _every_date(digits: _Bytes) -> bool:
    year, month, day = digits[:, :4], _two_digits(digits[:, 4:6]), _two_digits(digits[:, 6:8])
    if (day - _ONE >= _MONTH_DAYS[month]).any() or (year[:, 0] - _ONE > _ONE).any():
        return False
    # 58 is the product of no other real month and day.
    leap_days = year[month * day == _FEBRUARY_29].astype(np.int32) @ (1000, 100, 10, 1)
    leap = (leap_days % 4 == 0) & ((leap_days % 100 != 0) | (leap_days % 400 == 0))
    return bool(leap.all())


def _two_digits(digits: _Bytes) -> _Bytes:
    return digits[:, 0] * _TEN + digits[:, 1]


# Sums stay far below 2**24, so float32 products (which numpy hands to BLAS) are exact.
_RESIDENT_VECTOR: Final = np.array(_RESIDENT_WEIGHTS, np.float32)
_RESIDENT_TABLE: Final = np.frombuffer(_RESIDENT_DIGITS.encode(), np.uint8)
_USCC_VECTOR: Final = np.array(_USCC_WEIGHTS, np.float32)
_USCC_TABLE: Final = np.frombuffer(_USCC_VALUES, np.uint8)
_OFFICE_TABLE: Final = np.isin(np.arange(256), list(b"123456789ANY"))
_BASE36_TABLE: Final = np.frombuffer(_BASE36, np.uint8)
_ORGANISATION_VECTOR: Final = np.array(_ORGANISATION_WEIGHTS, np.float32)
_ORGANISATION_TABLE: Final = np.frombuffer(_ORGANISATION_DIGITS.encode(), np.uint8)
_ONE, _NINE, _TEN, _CODE_OF_0, _CODE_OF_1 = map(np.uint8, (1, 9, 10, 48, 49))
_FEBRUARY_29: Final = 2 * 29
_MONTH_DAYS: Final = np.zeros(100, np.uint8)
_MONTH_DAYS[1:13] = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
