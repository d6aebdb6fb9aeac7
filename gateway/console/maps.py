"""The drawing of divisions that a map is made from: the project's own, or one from the settings.

Nothing of a file reaches a page but codes and numbers. A file is an SVG drawing whose paths have
codes of counties (GB/T 2260) as ids, and `cities` for the borders of cities; straight lines only.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias
from xml.parsers import expat

OWN: Final = Path(__file__).parent / "guangxi.svg"
BYTES_MAX: Final = 1_048_576
BORDERS: Final = "cities"
CODE: Final = re.compile(r"\d{6}", re.ASCII)
NUMBER: Final = r"-?(?:\d+\.?\d*|\.\d+)"
TOKEN: Final = re.compile(rf"\s*,?\s*(?:([MmLlHhVvZz])|({NUMBER}))", re.ASCII)
# How many numbers each command takes.
TAKES: Final = {"M": 2, "L": 2, "H": 1, "V": 1}

Point: TypeAlias = tuple[float, float]


class NotAMap(ValueError):
    """The file is no drawing of divisions; the text says why."""


@dataclass(frozen=True, slots=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, points: Sequence[Point]) -> "Box":
        across, down = [x for x, _ in points], [y for _, y in points]
        return cls(min(across), min(down), max(across), max(down))

    def __or__(self, other: "Box") -> "Box":
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Shape:
    """`middle` is the centre of the largest of its rings, `area` all of them, in square units."""

    path: str
    box: Box
    middle: Point
    area: float


@dataclass(frozen=True, slots=True)
class Map:
    """Shapes by code of county; `borders` are those of cities, as a path."""

    shapes: Mapping[str, Shape]
    borders: str

    @property
    def box(self) -> Box:
        return around(list(self.shapes.values()))


def around(shapes: Sequence[Shape]) -> Box:
    """Return the smallest box that holds the shapes, of which there is one at least."""
    box = shapes[0].box
    for each in shapes[1:]:
        box |= each.box
    return box


@cache
def of(path: Path | None) -> Map:
    """Return the drawing of the settings, else the project's own; raises NotAMap."""
    chosen = path or OWN
    try:
        if chosen.stat().st_size > BYTES_MAX:
            raise NotAMap(f"{chosen}: more than {BYTES_MAX} bytes")
        return read(chosen.read_bytes())
    except OSError as error:
        raise NotAMap(f"{chosen}: {error.strerror}") from error


def read(content: bytes) -> Map:
    """Return the shapes of an SVG drawing; raises NotAMap."""
    found = _paths(content)
    shapes = {code: _shape(path) for code, path in found.items() if CODE.fullmatch(code)}
    if not shapes:
        raise NotAMap("no path has the code of a county (six digits) as its id")
    borders = found.get(BORDERS, "")
    rings(borders)
    return Map(shapes, borders)


def _paths(content: bytes) -> Mapping[str, str]:
    found: dict[str, str] = {}
    parser = expat.ParserCreate()

    def begin(name: str, attributes: dict[str, str]) -> None:
        if name == "path":
            found[attributes.get("id", "")] = attributes.get("d", "")

    def refuse(*_: object) -> None:
        raise NotAMap("a document type is not read")

    parser.StartElementHandler = begin
    # Entities can make a small file a large one.
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)  # noqa: FBT003 - expat takes it by place
    except expat.ExpatError as error:
        raise NotAMap(f"not XML: {error}") from error
    return found


def _shape(path: str) -> Shape:
    closed = [ring for ring in rings(path) if ring]
    if not closed:
        raise NotAMap("a path of a county encloses nothing")
    points = [point for ring in closed for point in ring]
    sizes = [(abs(_doubled(ring)) / 2, place) for place, ring in enumerate(closed)]
    return Shape(
        path, Box.of(points), _middle(closed[max(sizes)[1]]), sum(size for size, _ in sizes)
    )


def rings(path: str) -> Sequence[Sequence[Point]]:
    """Return the points of each line of a path; raises NotAMap for curves and what is none."""
    found: list[list[Point]] = []
    at: Point = (0.0, 0.0)
    for command, numbers in _commands(path):
        if command in "Zz":
            at = found[-1][0] if found else at
            continue
        at = _moved(at, command, numbers)
        if command in "Mm":
            found.append([])
        elif not found:
            raise NotAMap("a path begins with a move")
        found[-1].append(at)
    return found


def _commands(path: str) -> Iterator[tuple[str, Sequence[float]]]:
    """Yield each command with its numbers; those that repeat it, and a move's further ones, too."""
    place, command, numbers = 0, "", list[float]()
    text = path.strip()
    while place < len(text):
        token = TOKEN.match(text, place)
        if token is None or (token[2] and not TAKES.get(command.upper())):
            raise NotAMap(f"a path may hold straight lines alone: {text[place : place + 20]}")
        place = token.end()
        if token[1]:
            command, numbers = token[1], []
            if command in "Zz":
                yield command, ()
            continue
        numbers.append(float(token[2]))
        if len(numbers) == TAKES[command.upper()]:
            yield command, numbers
            command = {"M": "L", "m": "l"}.get(command, command)
            numbers = []
    if numbers:
        raise NotAMap("a path lacks a number")


def _moved(at: Point, command: str, numbers: Sequence[float]) -> Point:
    x, y = at if command.islower() else (0.0, 0.0)
    match command.upper():
        case "H":
            return x + numbers[0], at[1]
        case "V":
            return at[0], y + numbers[0]
        case _:
            return x + numbers[0], y + numbers[1]


def _doubled(ring: Sequence[Point]) -> float:
    """Return twice the area, negative for a ring that turns the other way."""
    turned = [*ring[1:], ring[0]]
    return sum(x * v - u * y for (x, y), (u, v) in zip(ring, turned, strict=True))


def _middle(ring: Sequence[Point]) -> Point:
    area = _doubled(ring)
    if not area:
        return ring[0]
    x0, y0 = ring[0]
    near = [(x - x0, y - y0) for x, y in ring]
    turned = [*near[1:], near[0]]
    pairs = [(a, b, a[0] * b[1] - b[0] * a[1]) for a, b in zip(near, turned, strict=True)]
    x = sum((a[0] + b[0]) * cross for a, b, cross in pairs) / (3 * area)
    y = sum((a[1] + b[1]) * cross for a, b, cross in pairs) / (3 * area)
    return x0 + x, y0 + y
