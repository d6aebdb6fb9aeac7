"""How values of one edition of a code list read in a later one, by their successors; pure.

An edition lists what has ended with the values that took its place; what a later edition no longer
lists, and nobody has succeeded, has ended.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kernel.turns import Steps

# Values that are followed between two turns of the loop.
AT_ONCE = 200
# Successors of successors, within one edition.
GENERATIONS_MAX = 20


class MapKind(StrEnum):
    SAME = "same"
    RENAMED = "renamed"
    MERGED = "merged"
    SPLIT = "split"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class EditionValue:
    """A value as one edition lists it; `ended` where it is there for its successors only."""

    value: str
    name: str
    ended: bool
    successors: tuple[str, ...] = ()


Edition = Mapping[str, EditionValue]


@dataclass(frozen=True, slots=True)
class Pair:
    source: str
    targets: tuple[str, ...]
    kind: MapKind


def pairs(editions: Sequence[Edition]) -> Steps[list[Pair]]:
    """Map the values in force in the first edition to the last; the editions between lead there."""
    first, last = editions[0], editions[-1]
    found: list[tuple[str, tuple[str, ...]]] = []
    sources = [value for value, each in first.items() if not each.ended] or list(first)
    for place, value in enumerate(sources):
        found.append((value, _followed(value, editions)))
        if place % AT_ONCE == AT_ONCE - 1:
            yield
    arrivals = Counter(target for _value, targets in found for target in targets)
    return [
        Pair(value, targets, _kind(value, targets, first, last, arrivals))
        for value, targets in found
    ]


def _followed(value: str, editions: Sequence[Edition]) -> tuple[str, ...]:
    """Lead a value from edition to edition."""
    targets: tuple[str, ...] = (value,)
    for place, edition in enumerate(editions):
        earlier = editions[place - 1] if place else edition
        reached: dict[str, None] = {}
        for each in targets:
            reached.update(dict.fromkeys(_in(edition, earlier, each)))
        targets = tuple(reached)
    return targets


def _in(edition: Edition, earlier: Edition, value: str) -> Iterator[str]:
    """Yield what a value of the edition before is in this one."""
    waiting, seen = [value], {value}
    for _generation in range(GENERATIONS_MAX):
        following: list[str] = []
        for each in waiting:
            listed = edition.get(each)
            if listed is not None and not listed.ended:
                yield each
                continue
            known = listed or earlier.get(each)
            following += [] if known is None else [s for s in known.successors if s not in seen]
        seen.update(following)
        waiting = following
        if not waiting:
            return


def _kind(
    value: str,
    targets: tuple[str, ...],
    first: Edition,
    last: Edition,
    arrivals: Mapping[str, int],
) -> MapKind:
    if not targets:
        return MapKind.ENDED
    if len(targets) > 1:
        return MapKind.SPLIT
    [target] = targets
    if target == value:
        return MapKind.SAME if first[value].name == last[value].name else MapKind.RENAMED
    return MapKind.MERGED if arrivals[target] > 1 else MapKind.RENAMED
