"""Masks: what a subscription sees of a value instead of the value (P3); pure.

A mask takes a column of values, because a call for each value would cost more than the masking.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

STARS = "***"
DIGEST_BYTES = 16
# Looked up, because making them costs more than the rest of a partial mask.
STARS_OF = tuple("*" * size for size in range(256))

# The kinds that show the same to every subscription.
UNKEYED = frozenset({"full", "partial", "null"})

Mask = Callable[[Sequence[str]], list[str | None]]


def keyed_hash(key: bytes, value: bytes) -> str:
    """Return a hash that is stable within one subscription and says nothing outside it."""
    return hashlib.blake2b(value, key=key, digest_size=DIGEST_BYTES).hexdigest()


def compile_mask(mask: Mapping[str, Any], hash_key: bytes) -> Mask:
    """Return the function of a mask `{"kind": full|partial|hash|null, …}` (`api.md` section 3)."""
    kind = mask["kind"]
    if kind == "partial":
        return _partial(int(mask["keep_start"]), int(mask["keep_end"]))
    if kind == "hash":
        return lambda values: [keyed_hash(hash_key, value.encode()) for value in values]
    if kind == "null":
        return lambda values: [None] * len(values)
    # An unknown kind hides everything rather than nothing.
    return lambda values: [STARS] * len(values)


class _Stars:
    """Stars for values longer than those that are kept ready."""

    def __getitem__(self, size: int) -> str:
        return "*" * size


def _partial(keep_start: int, keep_end: int) -> Mask:
    kept = keep_start + keep_end

    def mask(values: Sequence[str]) -> list[str | None]:
        ready = max(map(len, values), default=0) < len(STARS_OF)
        stars = STARS_OF if ready else _Stars()
        return [
            value[:keep_start] + stars[size - kept] + value[size - keep_end :]
            if (size := len(value)) > kept
            else stars[size]
            for value in values
        ]

    return mask
