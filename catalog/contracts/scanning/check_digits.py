"""Check digits, made from the tables of kernel/identifiers.py."""

from typing import Final

import numpy as np

from catalog.contracts.scanning.times import day_end
from kernel.identifiers import (
    BASE36,
    BORN_FROM_YEAR,
    ORGANISATION_CHECKS,
    ORGANISATION_WEIGHTS,
    RESIDENT_CHECKS,
    RESIDENT_WEIGHTS,
    USCC_ALPHABET,
    values_of,
)
from kernel.machine.code import part
from kernel.machine.marks import DOUBT, ZERO
from kernel.machine.text import Bytes, byte_at

_RESIDENT_WEIGHTS: Final = np.array(RESIDENT_WEIGHTS, np.int64)
_RESIDENT_CHECKS: Final = np.frombuffer(RESIDENT_CHECKS.encode(), np.uint8)
_BORN_FROM: Final = BORN_FROM_YEAR * 10_000
_USCC_ALPHABET: Final = np.frombuffer(USCC_ALPHABET.encode(), np.uint8)
_USCC_VALUES: Final = np.frombuffer(values_of(USCC_ALPHABET), np.uint8).astype(np.int64)
_BASE36: Final = np.frombuffer(values_of(BASE36), np.uint8).astype(np.int64)
_ORGANISATION_WEIGHTS: Final = np.array(ORGANISATION_WEIGHTS, np.int64)
_ORGANISATION_CHECKS: Final = np.frombuffer(ORGANISATION_CHECKS.encode(), np.uint8)


@part
def is_resident_id(body: Bytes, start: int, end: int, born_until: int) -> bool:
    """GB 11643-1999: a region, a birth date up to a known day (as 20260131), MOD 11-2."""
    if end - start != 18 or byte_at(body, start) == ZERO:
        return False
    total = born = 0
    for place in range(17):
        digit = int(byte_at(body, start + place)) - ZERO
        if not 0 <= digit <= 9:
            return False
        total += digit * _RESIDENT_WEIGHTS[place]
        if 6 <= place < 14:
            born = born * 10 + digit
    if not _BORN_FROM <= born <= born_until or day_end(body, start + 6, 0) == DOUBT:
        return False
    return bool(byte_at(body, start + 17) == _RESIDENT_CHECKS[total % 11])


@part
def is_uscc(body: Bytes, start: int, end: int) -> bool:
    """The two check characters of GB 32100-2015; an automaton has read the shape."""
    if end - start != 18:
        return False
    inner = total = 0
    weight = 1
    for place in range(17):
        byte = byte_at(body, start + place)
        if 8 <= place < 16:
            inner += _BASE36[byte] * _ORGANISATION_WEIGHTS[place - 8]
        total += _USCC_VALUES[byte] * weight
        weight = weight * 3 % 31
    if byte_at(body, start + 16) != _ORGANISATION_CHECKS[inner % 11]:
        return False
    return bool(byte_at(body, start + 17) == _USCC_ALPHABET[-total % 31])
