"""How values of every edition of a code list read in one of them; pure.

Later editions name successors, so values of an earlier edition are led to a later one by them. The
other way a value reads as the one that it has taken the place of, where that is one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from catalog.rules.code_maps import Edition, pairs
from kernel.turns import Steps

VALUE_BYTES: Final = 150
"""What a value takes up, about."""


@dataclass(frozen=True)
class Crosswalk:
    """`current` are the values of the edition, `to` leads others to the single one that fits."""

    current: frozenset[str]
    to: Mapping[str, str]

    def of(self, value: str) -> str | None:
        """Return a value as the edition has it, None where no single one fits."""
        return value if value in self.current else self.to.get(value)

    @property
    def size_bytes(self) -> int:
        return VALUE_BYTES * (len(self.current) + len(self.to))

    @cached_property
    def identity(self) -> bytes:
        """Name all that it does."""
        facts = [*sorted(self.current), "", *(f"{a}\n{b}" for a, b in sorted(self.to.items()))]
        return hashlib.blake2b("\n\n".join(facts).encode(errors="surrogatepass")).digest()


def crosswalk(editions: Sequence[Edition], wanted: int) -> Steps[Crosswalk]:
    """Read the values of all editions, which are in their order, in the one at a place.

    Of a value that several other editions list, the nearest edition counts.
    """
    current = frozenset(value for value, each in editions[wanted].items() if not each.ended)
    to: dict[str, str] = {}
    seen: set[str] = set()
    for place in range(wanted - 1, -1, -1):
        led = yield from _forward(editions[place : wanted + 1])
        _take(to, seen, led, current)
    for place in range(wanted + 1, len(editions)):
        led = yield from _back(editions[wanted : place + 1], current)
        _take(to, seen, led, current)
    led = yield from _forward([editions[wanted], editions[wanted]])
    _take(to, seen, led, current)
    return Crosswalk(current, to)


def _take(
    to: dict[str, str],
    seen: set[str],
    led: Mapping[str, Sequence[str]],
    current: frozenset[str],
) -> None:
    """Add what no nearer edition listed."""
    for value, targets in led.items():
        if value in current or value in seen:
            continue
        seen.add(value)
        if len(targets) == 1 and targets[0] in current:
            to[value] = targets[0]


def _forward(editions: Sequence[Edition]) -> Steps[dict[str, Sequence[str]]]:
    found = yield from pairs(editions)
    return {pair.source: pair.targets for pair in found}


def _back(editions: Sequence[Edition], current: frozenset[str]) -> Steps[dict[str, Sequence[str]]]:
    """Return of each value of the last edition those of the first that it has succeeded."""
    found = yield from pairs(editions)
    before: dict[str, list[str]] = {
        value: [] for value, each in editions[-1].items() if not each.ended
    }
    for pair in found:
        for target in pair.targets:
            if pair.source in current and target in before:
                before[target].append(pair.source)
    return {value: tuple(sources) for value, sources in before.items()}
