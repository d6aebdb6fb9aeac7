"""Draws that are the same in every run and on every machine: a number for a seed and names."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")
SEED = "数源区域场景 2"
"""Another number wherever other records come of the same files: they are published anew then."""
BYTES = 8


def drawn(below: int, *names: object) -> int:
    """Return a whole number from 0 to `below`, exclusive, that belongs to these names."""
    text = "\x1f".join([SEED, *map(str, names)])
    return int.from_bytes(blake2b(text.encode(), digest_size=BYTES).digest(), "big") % below


def chosen(choice: Sequence[T], *names: object) -> T:
    """Return one of several that belongs to these names."""
    return choice[drawn(len(choice), *names)]
