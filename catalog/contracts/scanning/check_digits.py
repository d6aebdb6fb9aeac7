"""Check digits, as catalog/rules/checkers.py reckons them."""

from typing import Final

import numpy as np

from catalog.contracts.scanning.times import day_end
from kernel.machine.code import part
from kernel.machine.marks import DOUBT, ZERO
from kernel.machine.text import Bytes, byte_at

_RESIDENT_WEIGHTS: Final = np.array((7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), np.int64)
_RESIDENT_CHECKS: Final = np.frombuffer(b"10X98765432", np.uint8)
_USCC_ALPHABET: Final = np.frombuffer(b"0123456789ABCDEFGHJKLMNPQRTUWXY", np.uint8)
_USCC_VALUES: Final = np.array([bytes(_USCC_ALPHABET).find(code) for code in range(256)], np.int64)
_BASE36: Final = np.array(
    [b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".find(code) for code in range(256)], np.int64
)
_ORGANISATION_WEIGHTS: Final = np.array((3, 7, 9, 10, 5, 8, 4, 2), np.int64)
_ORGANISATION_CHECKS: Final = np.frombuffer(b"0X987654321", np.uint8)


@part
def is_resident_id(body: Bytes, start: int, end: int) -> bool:
    """GB 11643-1999: a region, a birth date from 1000 to 2999, MOD 11-2."""
    if end - start != 18 or byte_at(body, start) == ZERO:
        return False
    total = 0
    for place in range(17):
        digit = int(byte_at(body, start + place)) - ZERO
        if not 0 <= digit <= 9:
            return False
        total += digit * _RESIDENT_WEIGHTS[place]
    century = int(byte_at(body, start + 6)) - ZERO
    born = 1 <= century <= 2 and day_end(body, start + 6, 0) != DOUBT
    return born and byte_at(body, start + 17) == _RESIDENT_CHECKS[total % 11]


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
