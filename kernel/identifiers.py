"""Identifiers that check themselves: social credit code, resident number, mobile number; pure.

One check each, for departments, records and tests alike. What checks many values at once (columns
of catalog/rules/checkers.py, the compiled pass of catalog/contracts/scanning) is made from the
shapes, weights and alphabets below, and tested against the checks. No blank is cut from a value.
"""

import re
from collections.abc import Callable
from datetime import date
from operator import mul
from typing import Final, TypeAlias

Today: TypeAlias = Callable[[], date]
"""The day in Asia/Shanghai, asked for when a value needs it."""

PATTERN: Final = "pattern"
CHECK_DIGIT: Final = "check_digit"
OUT_OF_RANGE: Final = "out_of_range"

# GB 11643-1999. Regions are not looked up: codes change in time, and the old ones stay in use.
RESIDENT_SHAPE: Final = "[1-9][0-9]{16}[0-9X]"
RESIDENT_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
RESIDENT_CHECKS: Final = "10X98765432"
BORN: Final = slice(6, 14)
BORN_FROM_YEAR: Final = 1850
"""Nobody born earlier lived when the first numbers were given, in 1984."""
KNOWN_PAST: Final = date(2026, 1, 1)
"""Births before it need no look at the calendar."""


def any_day() -> date:
    """A calendar for whoever has none: no birth is in the future."""
    return date.max


# GB 32100-2015: registering office (N, A, Y too), category, division, GB 11714 code, check.
USCC_LENGTH: Final = 18
USCC_SHAPE: Final = "[1-9ANY][1-9][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}"
USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_OFFICES: Final = "123456789ANY"
USCC_MODULUS: Final = 31
USCC_WEIGHTS: Final = tuple(pow(3, place, USCC_MODULUS) for place in range(17))

# GB 11714-1997, places 9 to 17 of a social credit code.
ORGANISATION: Final = slice(8, 16)
ORGANISATION_CHECK: Final = 16
ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
ORGANISATION_CHECKS: Final = "0X987654321"
BASE36: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

MOBILE_SHAPE: Final = "1[3-9][0-9]{9}"


def values_of(alphabet: str) -> bytes:
    """The value of each byte in an alphabet, 255 where it is not in it."""
    return bytes(alphabet.find(chr(code)) % 256 for code in range(256))


_RESIDENT: Final = re.compile(RESIDENT_SHAPE)
_RESIDENT_ZEROS: Final = ord("0") * sum(RESIDENT_WEIGHTS)
_USCC: Final = re.compile(USCC_SHAPE)
_USCC_VALUES: Final = values_of(USCC_ALPHABET)
_BASE36_VALUES: Final = values_of(BASE36)
_MOBILE: Final = re.compile(MOBILE_SHAPE)


def resident_id(value: str, today: Today = any_day) -> str | None:
    """The fault of a resident number: shape, MOD 11-2 (capital X), a real and likely birth date."""
    if not _RESIDENT.fullmatch(value):
        return PATTERN
    if value[17] != resident_check_digit(value[:17]):
        return CHECK_DIGIT
    year, month, day = int(value[6:10]), int(value[10:12]), int(value[12:14])
    try:
        born = date(year, month, day)
    except ValueError:
        return PATTERN
    likely = born.year >= BORN_FROM_YEAR and (born < KNOWN_PAST or born <= today())
    return None if likely else OUT_OF_RANGE


def resident_check_digit(body: str) -> str:
    """The 18th character for 17 digits."""
    total = sum(map(mul, body.encode("ascii"), RESIDENT_WEIGHTS))
    return RESIDENT_CHECKS[(total - _RESIDENT_ZEROS) % 11]


def uscc(value: str) -> str | None:
    """The fault of a social credit code: its shape, or one of its two check characters."""
    if not _USCC.fullmatch(value):
        return PATTERN
    if value[ORGANISATION_CHECK] != organisation_check(value[ORGANISATION]):
        return CHECK_DIGIT
    return None if value[17] == uscc_check(value[:17]) else CHECK_DIGIT


def organisation_check(body: str) -> str:
    """GB 11714: the ninth character of an organisation code, for its first eight."""
    values = body.encode("ascii").translate(_BASE36_VALUES)
    return ORGANISATION_CHECKS[sum(map(mul, values, ORGANISATION_WEIGHTS)) % 11]


def uscc_check(body: str) -> str:
    """The 18th character for 17."""
    total = sum(map(mul, body.encode("ascii").translate(_USCC_VALUES), USCC_WEIGHTS))
    return USCC_ALPHABET[-total % USCC_MODULUS]


def make_uscc(office: str, category: str, division: str, organisation: str) -> str:
    """A valid code of its parts: `11`, a 6-digit division, 8 characters that name the organisation.

    For fictitious departments of demos and tests. Raises ValueError where a part cannot stand.
    """
    body = office + category + division + organisation + organisation_check(organisation)
    code = body + uscc_check(body)
    if uscc(code) is not None:
        raise ValueError(f"no unified social credit code has these parts: {code}")
    return code


def mobile(value: str) -> str | None:
    """The fault of a mainland mobile number: 1[3-9] and nine digits, without country code."""
    return None if _MOBILE.fullmatch(value) else PATTERN
