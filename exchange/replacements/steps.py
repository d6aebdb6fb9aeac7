"""The steps of a commit: what is to be published next, and how that is kept between workers; pure.

Keys are records' own and may be personal: they are sealed.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

DELETE, UPSERT = "delete", "upsert"
# Values of one publish that gives back what was overtaken; one may have a mebibyte.
GIVEN_BACK: Final = 8


class Box(Protocol):
    def encrypt(self, content: bytes) -> bytes: ...

    def decrypt(self, sealed: bytes) -> bytes: ...


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """One publish: `since` is from where records of others may overtake it or be overtaken.

    Values that are published again are the last ones of their keys within `source`.
    """

    op: str
    keys: list[bytes]
    since: int
    source: tuple[int, int] = (0, 0)


class Place(msgspec.Struct, frozen=True, array_like=True):
    """How far a commit is: the partition, the digest of the last key looked at, what is left.

    `number` is that of the next publish.
    """

    partition: int = 0
    after: bytes = b""
    number: int = 0
    pieces: list[Piece] = []


def encode(place: Place, box: Box) -> dict[str, Any]:
    sealed = box.encrypt(msgspec.msgpack.encode(place))
    return {"place": base64.b64encode(sealed).decode()}


def decode(kept: Mapping[str, Any], box: Box) -> Place | None:
    """Return what was kept, None where nothing was."""
    if "place" not in kept:
        return None
    return msgspec.msgpack.decode(box.decrypt(base64.b64decode(kept["place"])), type=Place)


def pieces_after(
    piece: Piece, newest: Mapping[bytes, bytes | None], between: tuple[int, int], behind: int
) -> list[Piece]:
    """Return what a publish makes necessary that lies over records of `between`.

    A record of the provider's that came before it and was not known of is published again, behind
    it. A delete that lies over a delete has changed nothing.
    """
    valued = [key for key in piece.keys if newest.get(key) is not None]
    deleted = [key for key in piece.keys if key in newest and newest[key] is None]
    after = [Piece(UPSERT, some, behind, between) for some in _some(valued)]
    if piece.op != DELETE and deleted:
        after.append(Piece(DELETE, deleted, behind))
    return after


def overtaken(
    keys: Sequence[bytes], values: Mapping[bytes, bytes | None]
) -> list[tuple[bytes, bytes]]:
    """Return keys with the values that are published again."""
    found = [(key, values.get(key)) for key in keys]
    return [(key, value) for key, value in found if value is not None]


def _some(keys: list[bytes]) -> Iterator[list[bytes]]:
    for at in range(0, len(keys), GIVEN_BACK):
        yield keys[at : at + GIVEN_BACK]
