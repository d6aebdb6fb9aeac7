"""Where the batches of a chunk begin, and what the headers of their first records say."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Self, TypeAlias

from exchange.log.headers import CLIENT, COUNT, DIGEST, hexed, number, text
from kernel.turns import Steps

NO_DIGEST = bytes(32)
BATCHES_AT_ONCE = 500
OFFSET_BYTES = 8
MARK_BYTES = OFFSET_BYTES + len(NO_DIGEST)
BatchHeaders: TypeAlias = Sequence[tuple[int, Sequence[tuple[str, bytes | None]]]]
"""Where batches begin, and the headers of their first records."""


class Batches:
    """Where batches begin and their digests, packed: 8 bytes of offset, 32 of SHA-256 a batch."""

    __slots__ = ("_marks", "_starts")

    def __init__(self, starts: list[int], marks: bytes) -> None:
        self._starts = starts
        self._marks = marks

    @classmethod
    def of(cls, headers: BatchHeaders) -> Steps[Self]:
        """Read the headers of batches, some in each step."""
        marks: list[bytes] = []
        for done, (offset, each) in enumerate(headers, 1):
            marks.append(offset.to_bytes(OFFSET_BYTES) + digest_in(each))
            if not done % BATCHES_AT_ONCE:
                yield
        return cls([offset for offset, _headers in headers], b"".join(marks))

    def marks(self, first: int, end: int, *, whole: bool) -> bytes:
        """Return the marks of the batches that begin in a range, `whole`: of all it touches."""
        starts = self._starts
        low, high = bisect_left(starts, first), bisect_left(starts, end)
        if whole and low and (low == len(starts) or starts[low] != first):
            low -= 1
        return self._marks[low * MARK_BYTES : high * MARK_BYTES]

    def mark_at(self, offset: int) -> bytes:
        """Return the mark of the last batch that begins at or before an offset, empty for none."""
        at = bisect_right(self._starts, offset) - 1
        return self._marks[at * MARK_BYTES : (at + 1) * MARK_BYTES] if at >= 0 else b""


def digest_in(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Return the digest that a first record's headers name, zeros where they name none."""
    value = next((value for name, value in headers if name == DIGEST), None)
    digest = hexed(value)
    return digest if digest is not None and len(digest) == len(NO_DIGEST) else NO_DIGEST


def client_in(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """Return the client that a first record's headers name."""
    return next((text(value) for name, value in headers if name == CLIENT), "")


def count_in(headers: Iterable[tuple[str, bytes | None]]) -> int:
    """Return how many records of its batch follow in this partition, the first one included."""
    return next((number(value) or 0 for name, value in headers if name == COUNT), 0)
