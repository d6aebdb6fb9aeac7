"""The league on the map: cities with their share, or the counties of one; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auth.regions.register import counties_and_above
from gateway.console.maps import Box, Map, Shape, around
from gateway.console.standings import Standing

CITY_DIGITS: Final = 4
# The least percents of each class, with its name in the style sheet; `none` has none due.
CLASSES: Final = ((95.0, "best"), (80.0, "good"), (60.0, "fair"), (0.0, "poor"))
# Letters and margins as parts of the width, so that they look alike however far one has gone in.
LETTER: Final = 0.019
MARGIN: Final = 0.02
KIND: Final = re.compile(r"(?:[各壮苗侗瑶]族|毛南族|仫佬族)?自治县$|[市区县]$")


def city_of(code: str) -> str:
    """Return the code of the city in which a county lies."""
    return f"{code[:CITY_DIGITS]:0<6}"


def name_of(code: str) -> str:
    """Return the name of a division; its code where no register knows it."""
    division = counties_and_above().get(code)
    return division.name if division else code


@dataclass(frozen=True, slots=True)
class Area:
    """A division on the map: `paths` are its counties', `grade` how well it does."""

    code: str
    name: str
    short: str
    grade: str
    standing: Standing | None
    paths: Sequence[str]
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class ChartMap:
    """`view` is its part of the drawing; `letter` the size of what is written on it."""

    view: str
    letter: int
    areas: Sequence[Area]
    borders: str


def drawn(drawing: Map, standings: Sequence[Standing], city: str) -> ChartMap:
    """Draw every city, or where one is chosen, its counties."""
    known = {each.group: each for each in standings}
    groups: dict[str, list[Shape]] = {}
    for code, shape in drawing.shapes.items():
        if not city or city_of(code) == city:
            groups.setdefault(code if city else city_of(code), []).append(shape)
    box = around([shape for shapes in groups.values() for shape in shapes])
    areas = [_area(code, shapes, known) for code, shapes in sorted(groups.items())]
    return ChartMap(_view(box), round(box.width * LETTER), areas, drawing.borders)


def _view(box: Box) -> str:
    margin = max(box.width, box.height) * MARGIN
    left, top = box.left - margin, box.top - margin
    return f"{left:.0f} {top:.0f} {box.width + 2 * margin:.0f} {box.height + 2 * margin:.0f}"


def _area(code: str, shapes: Sequence[Shape], known: Mapping[str, Standing]) -> Area:
    name, standing = name_of(code), known.get(code)
    area = sum(shape.area for shape in shapes) or 1.0
    x = sum(shape.middle[0] * shape.area for shape in shapes) / area
    y = sum(shape.middle[1] * shape.area for shape in shapes) / area
    paths = [shape.path for shape in shapes]
    return Area(code, name, short(name), grade(standing), standing, paths, round(x), round(y))


def short(name: str) -> str:
    """Return a name without its kind, where more than one character is left."""
    kept = KIND.sub("", name)
    return kept if len(kept) > 1 else name


def grade(standing: Standing | None) -> str:
    percent = standing.percent if standing else None
    if percent is None:
        return "none"
    return next(name for least, name in CLASSES if percent >= least)
