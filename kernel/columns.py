"""Texts that lie one behind another: an object for each would cost more than all that is done."""

from collections.abc import Iterator, Sequence
from typing import SupportsIndex, TypeAlias, overload

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.int64]


class Column(Sequence[bytes]):
    """Texts without line breaks, cut up only when a single one is asked for.

    In `text` a line break stands behind each, but perhaps the last; `ends` are the places behind
    those, and begin with 0.
    """

    __slots__ = ("_lines", "ends", "text")

    def __init__(self, text: bytes, ends: Numbers) -> None:
        self.text, self.ends = text, ends
        self._lines: list[bytes] | None = None

    @property
    def sizes(self) -> Numbers:
        """The bytes of each, without its line break."""
        return np.diff(self.ends) - 1

    def part(self, begin: int, end: int) -> bytes:
        """Some of them, with their line breaks."""
        return self.text[self.ends[begin] : self.ends[end]]

    def since(self, place: int) -> "Column":
        """Those from a place on."""
        begin = self.ends[place]
        return Column(self.text[begin:], self.ends[place:] - begin)

    def lines(self) -> list[bytes]:
        if self._lines is None:
            self._lines = lines_of(self.text)
        return self._lines

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.lines())

    @overload
    def __getitem__(self, place: SupportsIndex) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: SupportsIndex | slice) -> bytes | list[bytes]:
        return self.lines()[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.lines() == list(other)

    __hash__ = None  # type: ignore[assignment] # as a list


def lines_of(text: bytes) -> list[bytes]:
    """The lines of a text; behind the last one may be a line break."""
    lines = text.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines
