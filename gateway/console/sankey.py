"""Flows between two columns as bands, as wide as what flows (a Sankey diagram); pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.console.drawing import short

WIDTH: Final = 900
BAR: Final = 12
LEFT: Final = 200
RIGHT: Final = 688
LABEL_GAP: Final = 8
# What all bands of one column come to, and what lies between two of its bars.
HEIGHT: Final = 300
GAP: Final = 16
# The thinnest band that is still seen; a label needs so much.
THIN: Final = 1.5
LINE: Final = 14
# More flows than a person can follow are told in the table alone.
BANDS_MAX: Final = 24


@dataclass(frozen=True, slots=True)
class Link:
    """So much flows between two things, each named by a key."""

    origin: str
    to: str
    amount: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing at one side; `label_x` is where its name ends, or begins at the right."""

    name: str
    short: str
    x: int
    y: float
    height: float
    label_x: int
    anchor: str

    @property
    def label_y(self) -> float:
        return round(self.y + self.height / 2 + 4, 1)


@dataclass(frozen=True, slots=True)
class Band:
    path: str
    title: str


@dataclass(frozen=True, slots=True)
class Sankey:
    """`left` is how many flows are in the table alone."""

    width: int
    height: int
    bars: Sequence[Bar]
    bands: Sequence[Band]
    left: int


def sankey(links: Sequence[Link], names: Mapping[str, str], count: int = 0) -> Sankey | None:
    """Draw the greatest of the flows, of which there are `count` or these; None for none."""
    moving = sorted((each for each in links if each.amount > 0), key=_greatest_first)
    shown = moving[:BANDS_MAX]
    if not shown:
        return None
    scale = HEIGHT / sum(each.amount for each in shown)
    widths = {(each.origin, each.to): max(THIN, each.amount * scale) for each in shown}
    origins = _column(shown, widths, 0)
    targets = _column(shown, widths, 1)
    bars = [
        *(_bar(names, key, place, LEFT, LEFT - LABEL_GAP, "end") for key, place in origins.items()),
        *(
            _bar(names, key, place, RIGHT, RIGHT + BAR + LABEL_GAP, "start")
            for key, place in targets.items()
        ),
    ]
    bands = _bands(shown, widths, names, (origins, targets))
    height = int(max(bar.y + max(bar.height, LINE) for bar in bars)) + 2
    return Sankey(WIDTH, height, bars, bands, max(count, len(moving)) - len(shown))


def _greatest_first(link: Link) -> tuple[int, str, str]:
    return -link.amount, link.origin, link.to


def _column(
    links: Sequence[Link], widths: Mapping[tuple[str, str], float], side: int
) -> dict[str, tuple[float, float]]:
    """Return where the bar of each thing of a column begins, and its height."""
    heights: dict[str, float] = {}
    for link in links:
        pair = (link.origin, link.to)
        heights[pair[side]] = heights.get(pair[side], 0.0) + widths[pair]
    placed, y = {}, 1.0
    for key, height in heights.items():
        placed[key] = (y, height)
        y += max(height, LINE) + GAP
    return placed


def _bar(
    names: Mapping[str, str],
    key: str,
    place: tuple[float, float],
    x: int,
    label_x: int,
    anchor: str,
) -> Bar:
    name = names.get(key, key)
    return Bar(name, short(name), x, round(place[0], 1), round(place[1], 1), label_x, anchor)


def _bands(
    links: Sequence[Link],
    widths: Mapping[tuple[str, str], float],
    names: Mapping[str, str],
    columns: tuple[Mapping[str, tuple[float, float]], Mapping[str, tuple[float, float]]],
) -> list[Band]:
    """Lay the bands along both bars, one below the other, in the order of the links."""
    used_left = {key: y for key, (y, _) in columns[0].items()}
    used_right = {key: y for key, (y, _) in columns[1].items()}
    bands = []
    for link in links:
        width = widths[link.origin, link.to]
        y1, y2 = used_left[link.origin], used_right[link.to]
        used_left[link.origin] += width
        used_right[link.to] += width
        origin, to = (names.get(each, each) for each in (link.origin, link.to))
        bands.append(Band(_path(y1, y2, width), f"{origin} → {to}: {link.amount}"))
    return bands


def _path(y1: float, y2: float, width: float) -> str:
    begin, end = LEFT + BAR, RIGHT
    middle = (begin + end) // 2
    return (
        f"M{begin} {y1:.1f}C{middle} {y1:.1f} {middle} {y2:.1f} {end} {y2:.1f}"
        f"V{y2 + width:.1f}C{middle} {y2 + width:.1f} {middle} {y1 + width:.1f} "
        f"{begin} {y1 + width:.1f}Z"
    )
