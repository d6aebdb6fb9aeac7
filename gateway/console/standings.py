"""How well departments and divisions keep their deadlines, in the order of a league; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from exchange.supervision.figures import Rank
from exchange.supervision.indicators import DEADLINES, LEAGUE
from gateway.api.statistics_shapes import IndicatorView


@dataclass(frozen=True, slots=True)
class Share:
    numerator: int
    denominator: int

    def __add__(self, other: "Share") -> "Share":
        return Share(self.numerator + other.numerator, self.denominator + other.denominator)


NOTHING: Final = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """A division or department, with its indicators by id."""

    group: str
    name: str
    shown: Mapping[str, Share]

    @property
    def kept(self) -> int:
        return sum(share.numerator for share in self._deadlines)

    @property
    def due(self) -> int:
        return sum(share.denominator for share in self._deadlines)

    @property
    def percent(self) -> float | None:
        """Return how many of its days of law were kept; None where none was due."""
        return round(100 * self.kept / self.due, 1) if self.due else None

    @property
    def _deadlines(self) -> Sequence[Share]:
        return [self.shown[each] for each in DEADLINES if each in self.shown]


def standings(items: Sequence[IndicatorView]) -> Sequence[Standing]:
    """Return each group with its indicators, in the order of the league."""
    groups: dict[str, dict[str, Share]] = {}
    names: dict[str, str] = {}
    for each in items:
        if each.id in LEAGUE and each.group is not None:
            share = Share(each.numerator, each.denominator or 0)
            groups.setdefault(each.group, {})[each.id] = share
            names.setdefault(each.group, each.group_name or each.group)
    found = [Standing(group, names[group], shown) for group, shown in groups.items()]
    return sorted(found, key=_place)


def ranked(ranks: Sequence[Rank], names: Mapping[str, str]) -> Sequence[Standing]:
    """Return departments in the order in which they came, with their names."""
    return [
        Standing(
            each.department,
            names.get(each.department, each.department),
            {id_: Share(*share) for id_, share in each.shares.items()},
        )
        for each in ranks
    ]


def merged(groups: Mapping[tuple[str, str], Sequence[Standing]]) -> Sequence[Standing]:
    """Return each group (code, name) with what all of its parts come to, in order."""
    found = []
    for (code, name), parts in groups.items():
        shown: dict[str, Share] = {}
        for id_, share in (pair for part in parts for pair in part.shown.items()):
            shown[id_] = shown.get(id_, NOTHING) + share
        found.append(Standing(code, name, shown))
    return sorted(found, key=_place)


def _place(standing: Standing) -> tuple[bool, float, int, str]:
    due = standing.due
    return not due, -standing.kept / (due or 1), -due, standing.group
