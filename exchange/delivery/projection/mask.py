"""Masks: what a subscription sees of a value instead of the value (P3); pure.

A mask takes a column of values, because a call for each value would cost more than the masking.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Any, Final

STARS: Final = "***"
DIGEST_BYTES: Final = 16
# Values that are words of JSON: two booleans would be told apart by a single kept letter.
WORDS: Final = frozenset({"true", "false", "null"})


class Kind(StrEnum):
    PARTIAL = "partial"
    HASH = "hash"
    FULL = "full"
    NULL = "null"


# What the kinds hide, from the least: of `full` and `null`, which hide the same, the first stays.
RANK: Final[Mapping[Kind, int]] = {Kind.PARTIAL: 1, Kind.HASH: 2, Kind.FULL: 3, Kind.NULL: 3}
# The kinds that show the same to every subscription.
UNKEYED: Final = frozenset({Kind.FULL, Kind.PARTIAL, Kind.NULL})


@dataclass(frozen=True, slots=True)
class Mask:
    """One kind of mask; a partial one keeps so many characters at each end.

    Values with fewer than `shown_from` characters are hidden whole.
    """

    kind: Kind
    keep_start: int = 0
    keep_end: int = 0
    shown_from: int = 0

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Mask":
        """Read `{"kind": full|partial|hash|null, …}` (docs/api.md section 3)."""
        if stored["kind"] == Kind.PARTIAL:
            start, end = int(stored["keep_start"]), int(stored["keep_end"])
            return cls(Kind.PARTIAL, start, end, start + end + 1)
        # An unknown kind hides everything rather than nothing.
        return cls(Kind(stored["kind"]) if stored["kind"] in RANK else Kind.FULL)

    def as_json(self) -> dict[str, Any]:
        """Return the mask as the API writes it."""
        if self.kind is Kind.PARTIAL:
            return {"kind": "partial", "keep_start": self.keep_start, "keep_end": self.keep_end}
        return {"kind": str(self.kind)}


def strictest(masks: Sequence[Mask]) -> Mask | None:
    """Return the mask that hides what any of several hides; None where there is none."""
    return reduce(_stricter, masks) if masks else None


def _stricter(one: Mask, other: Mask) -> Mask:
    if one.kind is other.kind is Kind.PARTIAL:
        return Mask(
            Kind.PARTIAL,
            min(one.keep_start, other.keep_start),
            min(one.keep_end, other.keep_end),
            max(one.shown_from, other.shown_from),
        )
    return other if RANK[other.kind] > RANK[one.kind] else one


def keyed_hash(key: bytes, value: bytes, domain: bytes = b"") -> str:
    """Return a hash that is stable within one subscription and says nothing outside it.

    Equal values of two domains have different hashes.
    """
    person = hashlib.blake2b(domain, digest_size=16).digest() if domain else b""
    return hashlib.blake2b(value, key=key, digest_size=DIGEST_BYTES, person=person).hexdigest()


@dataclass(frozen=True, slots=True)
class Column:
    """A compiled mask: of texts, and of a value that is a word of JSON (WORDS)."""

    texts: Callable[[Sequence[str]], list[str | None]]
    word: Callable[[str], str | None]


def compile_mask(mask: Mask, hash_key: bytes, item: str) -> Column:
    """Return what a mask does; hashes are of the item, so that no two items can be joined."""
    match mask.kind:
        case Kind.PARTIAL:
            return Column(_partial(mask), lambda _word: STARS)
        case Kind.HASH:
            return _hash(hash_key, item.encode(errors="surrogatepass"))
        case Kind.NULL:
            return Column(lambda values: [None] * len(values), lambda _word: None)
        case Kind.FULL:
            return Column(lambda values: [STARS] * len(values), lambda _word: STARS)


def _hash(key: bytes, item: bytes) -> Column:
    person = hashlib.blake2b(item, digest_size=16).digest()
    empty = hashlib.blake2b(key=key, digest_size=DIGEST_BYTES, person=person)

    def one(value: str) -> str:
        digest = empty.copy()
        digest.update(value.encode())
        return digest.hexdigest()

    return Column(lambda values: [one(value) for value in values], one)


def _partial(mask: Mask) -> Callable[[Sequence[str]], list[str | None]]:
    """Between the kept ends stand three stars, however many characters they hide."""
    start, end, shown_from = mask.keep_start, mask.keep_end, mask.shown_from

    def masked(values: Sequence[str]) -> list[str | None]:
        return [
            value[:start] + STARS + value[size - end :]
            if (size := len(value)) >= shown_from
            else STARS
            for value in values
        ]

    return masked
