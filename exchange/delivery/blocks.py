"""Lines as they leave, kept as text: an object for each line would cost more than all else."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import SupportsIndex, overload

import numpy as np

LINE_BREAK = ord("\n")


class Block:
    """What shows of `count` consecutive records: `shown` lines, each with a line break behind it.

    `ends` are where the records end in the text, 0 first; one that does not show takes no place.
    """

    __slots__ = ("_ends", "count", "shown", "text")

    def __init__(
        self, text: bytes, count: int, shown: int, ends: Sequence[int] | None = None
    ) -> None:
        """Without `ends` every record shows, on one line."""
        self.text = text
        self.count = count
        self.shown = shown
        self._ends = ends

    @property
    def size_bytes(self) -> int:
        """Bytes of the lines without their line breaks."""
        return len(self.text) - self.shown

    @property
    def ends(self) -> Sequence[int]:
        if self._ends is None:
            breaks = np.flatnonzero(np.frombuffer(self.text, np.uint8) == LINE_BREAK)
            self._ends = [0, *(breaks + 1).tolist()]
        return self._ends

    def part(self, begin: int, end: int) -> "Block":
        """Return a range of the block."""
        if end - begin == self.count:
            return self
        ends = self.ends
        first = ends[begin]
        text = self.text[first : ends[end]]
        if self.shown == self.count:
            return Block(text, end - begin, end - begin)
        own = [place - first for place in ends[begin : end + 1]]
        return Block(text, end - begin, sum(here < there for here, there in pairwise(own)), own)

    @property
    def lines(self) -> list[bytes | None]:
        """A line for each record, None for one that does not show."""
        return [
            self.text[begin : end - 1] if begin < end else None
            for begin, end in pairwise(self.ends)
        ]

    @property
    def sizes(self) -> list[int]:
        """Bytes of each record's line without its line break."""
        return [max(0, end - begin - 1) for begin, end in pairwise(self.ends)]


def block(lines: Sequence[bytes | None]) -> Block:
    """Return the block of these lines, None for a record that does not show."""
    shown = [line for line in lines if line is not None]
    text = b"\n".join((*shown, b""))
    ends = accumulate((0 if line is None else len(line) + 1 for line in lines), initial=0)
    return Block(text, len(lines), len(shown), list(ends))


class Lines(Sequence[bytes]):
    """The lines of a page, one after another."""

    __slots__ = ("_blocks", "_count")

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._count = 0

    def add(self, block: Block) -> None:
        self._blocks.append(block)
        self._count += block.shown

    @property
    def text(self) -> bytes:
        """All of them, each with a line break behind it."""
        return b"".join(self.texts)

    @property
    def texts(self) -> tuple[bytes, ...]:
        """The same in pieces, as they are kept."""
        return tuple([block.text for block in self._blocks])

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            yield from (line for line in block.lines if line is not None)

    @overload
    def __getitem__(self, place: SupportsIndex) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: SupportsIndex | slice) -> bytes | list[bytes]:
        return list(self)[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # it grows
