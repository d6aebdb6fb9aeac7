"""Sets of offsets as sorted intervals, both ends inclusive; pure."""

from collections.abc import Iterable
from typing import Final, TypeAlias

Interval: TypeAlias = tuple[int, int]
# The member of a trail that holds what it does not list.
UNLISTED: Final = "unlisted"


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same offsets as intervals that neither overlap nor touch, in order."""
    joined: list[Interval] = []
    for first, last in sorted(intervals):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


class Cover:
    """Offsets in at most `most` intervals.

    Where they would be more, those with the narrowest gaps between them become one: what is in it
    may be more than was added, never less.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._intervals: list[Interval] = []

    def add(self, first: int, last: int) -> None:
        self._intervals.append((first, last))
        if len(self._intervals) > 2 * self._most:
            self._intervals = self.intervals()

    def intervals(self) -> list[Interval]:
        """Return them, merged."""
        exact = merged(self._intervals)
        surplus = len(exact) - self._most
        if surplus <= 0:
            return exact
        gaps = sorted((exact[n + 1][0] - exact[n][1], n) for n in range(len(exact) - 1))
        closed = {n for _width, n in gaps[:surplus]}
        joined: list[Interval] = []
        for number, (first, last) in enumerate(exact):
            if number - 1 in closed:
                joined[-1] = (joined[-1][0], last)
            else:
                joined.append((first, last))
        return joined
