"""Patterns as deterministic automata over characters."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from catalog.contracts.characters import Characters
from catalog.contracts.grammar import Choice, Node, One, Repeat, read
from catalog.contracts.grammar import Sequence as Series
from kernel.machine.marks import ASCII

DEAD: Final = 0
START: Final = 1
CELLS_MAX: Final = 300_000
"""Numbers in a plan, 2.4 MB; a code list of 20,000 codes of twelve digits takes 40,000."""
STATES_MAX: Final = 2_500
EFFORT_MAX: Final = 20_000
"""What making the automata of one plan may take, some fifty milliseconds, as it is done at once."""

Edge = tuple[int, int, int]
"""From the first to the last character, inclusive, to a state."""


class TooLarge(Exception):
    """A part of a plan would take more time or memory than it is worth."""


class Effort:
    """What is left of the effort for one plan: a state met is a unit, so are sixteen ranges."""

    def __init__(self) -> None:
        self._left = EFFORT_MAX

    def spend(self, units: int) -> None:
        self._left -= units
        if self._left < 0:
            raise TooLarge


@dataclass(frozen=True, slots=True)
class Automaton:
    """`steps` by state and class of a character; classes of ASCII by table, others by `cuts`."""

    ascii: list[int]
    cuts: list[int]
    steps: list[list[int]]
    accepts: list[bool]

    def accept(self, text: str) -> bool:
        """Whether the automaton reads the text to its end; the compiled pass does the same."""
        state = START
        for character in text:
            state = self.steps[state][bisect_right(self.cuts, ord(character))]
        return self.accepts[state]


def of_pattern(pattern: str, effort: Effort) -> Automaton:
    """The automaton of an accepted pattern (patterns.py); raises TooLarge."""
    branching = _Branching(effort)
    start = branching.state()
    end = branching.add(read(pattern), start)
    return _determined(branching, start, end)


class _Branching:
    """A pattern as states with edges, several of which may be open to one character."""

    def __init__(self, effort: Effort) -> None:
        self.effort = effort
        self.edges: list[list[tuple[Characters, int]]] = []
        self.free: list[list[int]] = []

    def state(self) -> int:
        if len(self.edges) >= STATES_MAX:
            raise TooLarge
        self.edges.append([])
        self.free.append([])
        return len(self.edges) - 1

    def add(self, node: Node, start: int) -> int:
        """Add what reads the node from `start` on; return where it has been read."""
        match node:
            case One(characters):
                end = self.state()
                self.edges[start].append((characters, end))
                return end
            case Series(parts):
                for part in parts:
                    start = self.add(part, start)
                return start
            case Choice(branches):
                end = self.state()
                for branch in branches:
                    self.free[self.add(branch, start)].append(end)
                return end
            case Repeat():
                return self._repeat(node, start)

    def _repeat(self, repeat: Repeat, start: int) -> int:
        for _ in range(repeat.least):
            start = self.add(repeat.node, start)
        if repeat.most is None:
            inner = self.state()
            self.free[start].append(inner)
            self.free[self.add(repeat.node, inner)].append(inner)
            start = inner
        end = self.state()
        self.free[start].append(end)
        for _ in range((repeat.most or repeat.least) - repeat.least):
            start = self.add(repeat.node, start)
            self.free[start].append(end)
        return end

    def closure(self, states: Iterable[int]) -> frozenset[int]:
        reached, waiting = set(), list(states)
        while waiting:
            state = waiting.pop()
            if state not in reached:
                reached.add(state)
                waiting += self.free[state]
        self.effort.spend(len(reached))
        return frozenset(reached)

    def pieces(self, states: Iterable[int]) -> Iterator[tuple[int, int, list[int]]]:
        """The characters that the edges of states share, cut where one of them begins or ends."""
        edges = [edge for state in states for edge in self.edges[state]]
        bounds = [bound for ranges, _ in edges for bound in ranges]
        cuts = sorted({cut for low, high in bounds for cut in (low, high + 1)})
        self.effort.spend(len(cuts) * len(bounds) // 16)
        for low, above in pairwise(cuts):
            targets = [to for ranges, to in edges if any(a <= low <= b for a, b in ranges)]
            if targets:
                yield low, above - 1, targets


def _determined(branching: _Branching, start: int, end: int) -> Automaton:
    """Every set of states that can be open at once becomes one state."""
    first = branching.closure([start])
    numbers = {frozenset[int](): DEAD, first: START}
    waiting = [first]
    spans: list[list[Edge]] = [[], []]
    while waiting:
        states = waiting.pop()
        number = numbers[states]
        for low, high, targets in branching.pieces(states):
            reached = branching.closure(targets)
            if reached not in numbers:
                numbers[reached] = len(spans)
                spans.append([])
                waiting.append(reached)
            spans[number].append((low, high, numbers[reached]))
        if len(spans) > STATES_MAX:
            raise TooLarge
    return _tabled(spans, {number for states, number in numbers.items() if end in states})


def _tabled(spans: Sequence[Sequence[Edge]], accepted: AbstractSet[int]) -> Automaton:
    cuts = sorted({cut for edges in spans for low, high, _ in edges for cut in (low, high + 1)})
    if len(spans) * (len(cuts) + 1) > CELLS_MAX:
        raise TooLarge
    steps = [[DEAD] * (len(cuts) + 1) for _ in spans]
    for row, edges in zip(steps, spans, strict=True):
        for low, high, target in edges:
            first, end = bisect_right(cuts, low), bisect_right(cuts, high) + 1
            row[first:end] = [target] * (end - first)
    ascii_classes = [bisect_right(cuts, code) for code in range(ASCII)]
    return Automaton(ascii_classes, cuts, steps, [state in accepted for state in range(len(spans))])
