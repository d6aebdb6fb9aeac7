"""Cursors: a place in the log, opaque and signed for one subscription (P6); pure."""

import base64
from dataclasses import dataclass
from hmac import compare_digest

import msgspec

from kernel.errors import InvalidCursor
from kernel.secretbox import MAC_BYTES, mac

PURPOSE = b"cursor"
CURSOR_MAX = 2048


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
    signed = packed + mac(key, PURPOSE, subscription_id.encode(), packed)
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def decode(key: bytes, subscription_id: str, cursor: str, partitions: int) -> Place:
    """Return the place; InvalidCursor for a forged one or another subscription's."""
    if len(cursor) > CURSOR_MAX:
        raise InvalidCursor
    try:
        signed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidCursor from error
    packed, seal = signed[:-MAC_BYTES], signed[-MAC_BYTES:]
    if not compare_digest(mac(key, PURPOSE, subscription_id.encode(), packed), seal):
        raise InvalidCursor
    offsets, bounds = msgspec.msgpack.decode(packed, type=tuple[tuple[int, ...], tuple[int, ...]])
    if len(offsets) != partitions:
        raise InvalidCursor
    return Place(offsets, bounds)
