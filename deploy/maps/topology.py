"""Outlines of neighbours, simplified once for both sides, so that no gap opens between them; pure.

A border is cut at the points where more than two lines meet; each piece is simplified by itself
(Visvalingam and Whyatt: the point that changes the area least goes first), its ends stay.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

Point: TypeAlias = tuple[float, float]
Ring: TypeAlias = Sequence[Point]
Piece: TypeAlias = tuple[Point, ...]

# A closed line of fewer points encloses nothing.
CLOSED_MIN: Final = 4
ENDS: Final = 2
NEIGHBOURS: Final = 2


@dataclass(frozen=True, slots=True)
class Topology:
    """Rings of each shape as pieces in their order; a piece may be walked backwards."""

    shapes: Mapping[str, Sequence[Sequence[Piece]]]

    @classmethod
    def of(cls, shapes: Mapping[str, Sequence[Ring]]) -> "Topology":
        """Cut rings, whose first point is not repeated at the end, into pieces."""
        nodes = _nodes([ring for rings in shapes.values() for ring in rings])
        return cls({key: [_cut(ring, nodes) for ring in rings] for key, rings in shapes.items()})

    def simplified(self, area_min: float) -> Mapping[str, Sequence[Ring]]:
        """Return the rings without points that change less area; those that vanish are left out."""
        known: dict[Piece, Piece] = {}
        return {
            key: [ring for pieces in rings if (ring := _joined(pieces, known, area_min))]
            for key, rings in self.shapes.items()
        }

    def borders(self, groups: Mapping[str, str], area_min: float) -> Sequence[Piece]:
        """Return what separates shapes of different groups, or a shape from the outside."""
        sides: dict[Piece, list[str]] = {}
        for key, rings in self.shapes.items():
            for piece in (each for pieces in rings for each in pieces):
                sides.setdefault(_canonical(piece), []).append(groups[key])
        apart = [piece for piece, found in sides.items() if len(found) == 1 or len(set(found)) > 1]
        lines = [simplify(piece, area_min) for piece in apart]
        return [line for line in lines if line[0] != line[-1] or len(line) >= CLOSED_MIN]


def _nodes(rings: Sequence[Ring]) -> frozenset[Point]:
    beside: dict[Point, set[Point]] = {}
    for ring in rings:
        for one, other in pairwise([*ring, ring[0]]):
            beside.setdefault(one, set()).add(other)
            beside.setdefault(other, set()).add(one)
    return frozenset(point for point, others in beside.items() if len(others) > NEIGHBOURS)


def _cut(ring: Ring, nodes: frozenset[Point]) -> Sequence[Piece]:
    at = [place for place, point in enumerate(ring) if point in nodes]
    if not at:
        # Both sides of an enclave begin at one point, or they would be simplified differently.
        at = [min(range(len(ring)), key=lambda place: ring[place])]
    turned = [*ring[at[0] :], *ring[: at[0]], ring[at[0]]]
    cuts = [*(place - at[0] for place in at), len(ring)]
    return [tuple(turned[start : end + 1]) for start, end in pairwise(cuts)]


def _canonical(piece: Piece) -> Piece:
    return min(piece, piece[::-1])


def _joined(pieces: Sequence[Piece], known: dict[Piece, Piece], area_min: float) -> Ring:
    ring: list[Point] = []
    for piece in pieces:
        canonical = _canonical(piece)
        if canonical not in known:
            known[canonical] = simplify(canonical, area_min)
        line = known[canonical]
        ring += (line if piece == canonical else line[::-1])[:-1]
    return ring if len(ring) >= CLOSED_MIN - 1 else []


def simplify(line: Piece, area_min: float) -> Piece:
    """Drop the point with the smallest triangle to its neighbours while that is below the bound."""
    kept = list(line)
    while len(kept) > ENDS:
        areas = list(_triangles(kept))
        least = min(range(len(areas)), key=areas.__getitem__)
        if areas[least] >= area_min:
            break
        del kept[least + 1]
    return tuple(kept)


def _triangles(line: Sequence[Point]) -> Iterator[float]:
    for (ax, ay), (bx, by), (cx, cy) in zip(line, line[1:], line[2:], strict=False):
        yield abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2
