"""Drawings that the server makes: where the boxes and lines of a graph stand; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

BOX_WIDTH: Final = 150
BOX_HEIGHT: Final = 46
GAP_X: Final = 34
GAP_Y: Final = 14
LETTERS: Final = 10
# From here on characters are as wide as two letters.
WIDE: Final = 0x2E80
# More boxes than a person can look at are told in a table alone.
BOXES_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Box:
    """`short` is what fits into the box of `name`."""

    key: str
    kind: str
    name: str
    short: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Line:
    """From the right edge of one box to the left edge of another."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def path(self) -> str:
        middle = (self.x1 + self.x2) // 2
        return f"M{self.x1} {self.y1}C{middle} {self.y1} {middle} {self.y2} {self.x2} {self.y2}"


@dataclass(frozen=True, slots=True)
class Drawing:
    width: int
    height: int
    boxes: Sequence[Box]
    lines: Sequence[Line]


def graph(
    nodes: Sequence[tuple[str, str, str]], edges: Sequence[tuple[str, str]]
) -> Drawing | None:
    """Place nodes (key, kind, name) in columns in the way of the edges; None for too many."""
    if not nodes or len(nodes) > BOXES_MAX:
        return None
    known = {key for key, _, _ in nodes}
    arrows = [(origin, to) for origin, to in edges if origin in known and to in known]
    columns = _columns([key for key, _, _ in nodes], arrows)
    placed = _placed(nodes, columns, arrows)
    boxes = {box.key: box for box in placed}
    width = max(box.x for box in placed) + BOX_WIDTH + 2
    height = max(box.y for box in placed) + BOX_HEIGHT + 2
    return Drawing(width, height, placed, [_line(boxes[a], boxes[b]) for a, b in arrows])


def _columns(keys: Sequence[str], arrows: Sequence[tuple[str, str]]) -> Mapping[str, int]:
    """Return the column of each node: one right of the last that leads to it."""
    columns = dict.fromkeys(keys, 0)
    for _ in range(len(keys)):
        moved = False
        for origin, to in arrows:
            wanted = columns[origin] + 1
            # A circle would move for ever: no column lies right of the last node.
            if columns[to] < wanted < len(keys):
                columns[to], moved = wanted, True
        if not moved:
            break
    return columns


def _placed(
    nodes: Sequence[tuple[str, str, str]],
    columns: Mapping[str, int],
    arrows: Sequence[tuple[str, str]],
) -> list[Box]:
    used = {column: place for place, column in enumerate(sorted(set(columns.values())))}
    heights: dict[str, int] = {}
    placed: list[Box] = []
    for column, place in used.items():
        inside = [node for node in nodes if columns[node[0]] == column]
        inside.sort(key=lambda node: (_middle(node[0], arrows, heights), node[1], node[2]))
        for row, (key, kind, name) in enumerate(inside):
            heights[key] = row
            x, y = 1 + place * (BOX_WIDTH + GAP_X), 1 + row * (BOX_HEIGHT + GAP_Y)
            placed.append(Box(key, kind, name, short(name), x, y))
    return placed


def _middle(key: str, arrows: Sequence[tuple[str, str]], heights: Mapping[str, int]) -> float:
    """Return the mean row of what leads to a node, so that lines cross little."""
    rows = [heights[origin] for origin, to in arrows if to == key and origin in heights]
    return sum(rows) / len(rows) if rows else 0.0


def short(name: str) -> str:
    """Cut a name to what fits: a Chinese character is as wide as two letters."""
    width, kept = 0, ""
    for each in name:
        width += 2 if ord(each) >= WIDE else 1
        if width > 2 * LETTERS:
            return kept[:-1] + "…"
        kept += each
    return kept


def _line(origin: Box, to: Box) -> Line:
    middle = BOX_HEIGHT // 2
    return Line(origin.x + BOX_WIDTH, origin.y + middle, to.x, to.y + middle)
