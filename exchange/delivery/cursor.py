"""Cursors: a place in the log, sealed for one subscription and one generation (P6, P12); pure."""

from typing import NamedTuple

import msgspec

from kernel.errors import InvalidCursor
from kernel.sealed import seal, unseal

PURPOSE = b"cursor"


class OtherLogError(Exception):
    """The offsets are those of a topic that was made anew since."""


class OtherGenerationError(Exception):
    """The database was restored since; `place` is where the cursor stood."""

    def __init__(self, position: "Position") -> None:
        super().__init__("another generation")
        self.position = position


class Epoch(NamedTuple):
    """In which world offsets mean something: the platform's data, and the topic's own id.

    Nothing is known of the world of cursors of builds before it: 0 and no id.
    """

    generation: int = 0
    topic_id: bytes = b""


class Position(NamedTuple):
    """Next offset of each partition; `bounds` are how far the round under way goes.

    With one partition the log's order is the order. With several, a round reads partition after
    partition up to its bounds, so that asking again gives the same records in the same order.
    `told` is the last recalled key that its holder was told of (ADR 0051).
    """

    offsets: tuple[int, ...]
    bounds: tuple[int, ...] = ()
    told: int = 0

    @property
    def round_is_over(self) -> bool:
        return all(o >= b for o, b in zip(self.offsets, self.bounds, strict=False))


class Payload(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a cursor holds; the last is there only where something was taken back."""

    generation: int
    topic_id: bytes
    offsets: tuple[int, ...]
    bounds: tuple[int, ...]
    told: int = 0


Unversioned = tuple[tuple[int, ...], tuple[int, ...]]


def encode(key: bytes, subscription_id: str, epoch: Epoch, position: Position) -> str:
    told = (position.told,) if position.told else ()
    packed = msgspec.msgpack.encode((*epoch, position.offsets, position.bounds, *told))
    return seal(key, packed, PURPOSE, subscription_id.encode())


def decode(
    key: bytes, subscription_id: str, epoch: Epoch, cursor: str, partitions: int
) -> Position:
    """Return the place; InvalidCursor for a forged one or another subscription's.

    Raises OtherLogError and OtherGenerationError where its offsets may mean something else now.
    """
    opened = unseal(key, cursor, PURPOSE, subscription_id.encode())
    if opened is None:
        raise InvalidCursor
    packed, versioned = opened
    issued, told = Epoch(), 0
    if versioned:
        payload = msgspec.msgpack.decode(packed, type=Payload)
        issued = Epoch(payload.generation, payload.topic_id)
        offsets, bounds, told = payload.offsets, payload.bounds, payload.told
    else:
        offsets, bounds = msgspec.msgpack.decode(packed, type=Unversioned)
    if issued.topic_id and epoch.topic_id and issued.topic_id != epoch.topic_id:
        raise OtherLogError
    if len(offsets) != partitions:
        raise InvalidCursor
    if issued.generation and issued.generation != epoch.generation:
        raise OtherGenerationError(Position(offsets, told=told))
    return Position(offsets, bounds, told)
