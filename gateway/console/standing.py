"""Where a reader stands in each partition of a log, as a drawing that the server makes; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from exchange.delivery.behind import Stretch

WIDTH: Final = 320
BAR_X: Final = 34
BAR_WIDTH: Final = 214
BAR_HEIGHT: Final = 12
HEAD: Final = 22
ROW: Final = 24
# What there is little of can be seen, too.
LEAST: Final = 3


@dataclass(frozen=True, slots=True)
class Track:
    """A partition: places that are kept, of them `read` and still to come (`ahead`).

    The bar is `length` long, `filled` of it for what was read; `mark` is where the position stands,
    None where none is stored.
    """

    partition: int
    kept: int
    read: int
    ahead: int
    gap: bool
    y: int
    length: int
    filled: int
    mark: int | None

    @property
    def has_begun(self) -> bool:
        return self.mark is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """All partitions, drawn to one scale: the longest bar is the partition that keeps the most."""

    height: int
    tracks: Sequence[Track]
    width: int = WIDTH
    bar_x: int = BAR_X
    bar_height: int = BAR_HEIGHT

    @property
    def ahead(self) -> int:
        return sum(each.ahead for each in self.tracks)


def standing(stretches: Sequence[Stretch]) -> Standing | None:
    """Draw what is known of the partitions; None where nothing is."""
    if not stretches:
        return None
    most = max(each.end - each.earliest for each in stretches)
    tracks = [_track(each, most, HEAD + row * ROW) for row, each in enumerate(stretches)]
    return Standing(HEAD + len(tracks) * ROW, tracks)


def _track(stretch: Stretch, most: int, y: int) -> Track:
    kept = max(0, stretch.end - stretch.earliest)
    read = kept - stretch.places
    length = _scaled(kept, most, BAR_WIDTH)
    filled = _scaled(read, kept, length)
    if stretch.places:
        filled = min(filled, length - LEAST)
    begun = stretch.next is not None
    return Track(
        partition=stretch.partition,
        kept=kept,
        read=read,
        ahead=stretch.places,
        gap=stretch.gap,
        y=y,
        length=length,
        filled=filled,
        mark=BAR_X + filled if begun else None,
    )


def _scaled(part: int, whole: int, width: int) -> int:
    """Return the length of a part, which is seen however small it is."""
    if not part:
        return 0
    return min(width, max(2 * LEAST, round(width * part / whole)))
