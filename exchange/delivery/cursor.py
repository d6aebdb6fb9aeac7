"""Cursors: a place in the log, opaque and signed for one subscription (P6); pure."""

from dataclasses import dataclass

import msgspec

from kernel.errors import InvalidCursor
from kernel.sealed import seal, unseal

PURPOSE = b"cursor"


@dataclass(frozen=True, slots=True)
class Place:
    """Next offset of each partition; `bounds` are how far the round under way goes.

    With one partition the log's order is the order. With several, a round reads partition after
    partition up to its bounds, so that asking again gives the same records in the same order.
    """

    offsets: tuple[int, ...]
    bounds: tuple[int, ...] = ()

    @property
    def round_is_over(self) -> bool:
        return all(o >= b for o, b in zip(self.offsets, self.bounds, strict=False))


def encode(key: bytes, subscription_id: str, place: Place) -> str:
    packed = msgspec.msgpack.encode((place.offsets, place.bounds))
    return seal(key, packed, PURPOSE, subscription_id.encode())


def decode(key: bytes, subscription_id: str, cursor: str, partitions: int) -> Place:
    """Return the place; InvalidCursor for a forged one or another subscription's."""
    packed = unseal(key, cursor, PURPOSE, subscription_id.encode())
    if packed is None:
        raise InvalidCursor
    offsets, bounds = msgspec.msgpack.decode(packed, type=tuple[tuple[int, ...], tuple[int, ...]])
    if len(offsets) != partitions:
        raise InvalidCursor
    return Place(offsets, bounds)
