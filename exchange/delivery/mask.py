"""Masks: what a subscription sees of a value instead of the value (P3); pure."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

STARS = "***"
DIGEST_BYTES = 16

Mask = Callable[[str], str | None]


def keyed_hash(key: bytes, value: bytes) -> str:
    """Return a hash that is stable within one subscription and says nothing outside it."""
    return hashlib.blake2b(value, key=key, digest_size=DIGEST_BYTES).hexdigest()


def compile_mask(mask: Mapping[str, Any], hash_key: bytes) -> Mask:
    """Return the function of a mask `{"kind": full|partial|hash|null, …}` (`api.md` section 3)."""
    kind = mask["kind"]
    if kind == "partial":
        return _partial(int(mask["keep_start"]), int(mask["keep_end"]))
    if kind == "hash":
        return lambda value: keyed_hash(hash_key, value.encode())
    if kind == "null":
        return lambda _value: None
    # An unknown kind hides everything rather than nothing.
    return lambda _value: STARS


def _partial(keep_start: int, keep_end: int) -> Mask:
    def mask(value: str) -> str:
        hidden = len(value) - keep_start - keep_end
        if hidden <= 0:
            return "*" * len(value)
        return value[:keep_start] + "*" * hidden + value[len(value) - keep_end :]

    return mask
