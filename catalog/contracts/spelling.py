"""Values that a pattern matches, spelled out of its tree (grammar.py); pure.

Lengths are sets of bits: which a node can have is known before one of its characters is chosen, so
nothing is ever tried and taken back.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache, reduce
from typing import Final

from catalog.contracts import grammar
from catalog.contracts.characters import Characters
from catalog.contracts.grammar import Choice, Node, One, Repeat
from catalog.contracts.patterns import tree_of

SPELLED_MAX: Final = 1_000
"""Characters of a value that is spelled; a longer one is of no use to a reader."""

DIGITS: Final = "1234567890"
CAPITALS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
PLAIN: Final = (DIGITS, CAPITALS, CAPITALS.lower())
CHINESE: Final = ("示例数据", *PLAIN)

EFFORT_MAX: Final = 15_000
"""Lengths, branches and letters that are looked at for a value: some 20 ms. A pattern within its
limits can be made to take half a second."""

# A letter is looked for so much faster than a length.
_LETTERS_AT_ONCE: Final = 16
_LENGTH_LIKED: Final = 4
_LENGTH_USUAL: Final = 64
_BLANK: Final = ord(" ")
_FIRST_HALF, _LAST_HALF = 0xD800, 0xDFFF


@lru_cache(maxsize=1024)
def spelled(
    pattern: str,
    least: int,
    most: int | None,
    variant: int,
    alphabets: tuple[str, ...] = CHINESE,
) -> str | None:
    """A value of the pattern with so many characters; None where there is none to be shown.

    None, too, where it takes more than EFFORT_MAX to find.

    `variant` counts from 1 and gives another value where the pattern has several. Raises
    UnsafePattern.
    """
    limit = min(SPELLED_MAX, SPELLED_MAX if most is None else most)
    if least > limit:
        return None
    tree = tree_of(pattern)
    # Long values are dear to look for, and few standards want them.
    for longest in sorted({min(limit, max(least, _LENGTH_USUAL)), limit}):
        speller = _Speller(longest, variant, alphabets)
        with suppress(_TooDearError):
            length = _length(speller.lengths(tree), least)
            if length is not None:
                return "".join(speller.spell(tree, length))
    return None


class _TooDearError(Exception):
    pass


def _length(lengths: int, least: int) -> int | None:
    """The length to spell: a likeable one, or the nearest to it."""
    liked = max(least, _LENGTH_LIKED)
    longer, shorter = lengths >> liked, lengths & ((1 << liked) - 1)
    if longer:
        return liked + _lowest(longer)
    return shorter.bit_length() - 1 if shorter >> least else None


class _Speller:
    def __init__(self, limit: int, variant: int, alphabets: Sequence[str]) -> None:
        self._all = (1 << (limit + 1)) - 1
        self._known: dict[int, int] = {}
        self._at = variant - 1
        self._alphabets = alphabets
        self._left = EFFORT_MAX

    def _spend(self, effort: int) -> None:
        self._left -= effort
        if self._left < 0:
            raise _TooDearError

    def lengths(self, node: Node) -> int:
        """The lengths up to the limit that values of a node have; bit n for n characters."""
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = self._lengths(node) & self._all
        return known

    def _lengths(self, node: Node) -> int:
        match node:
            case One(characters):
                return 2 if _first_of(characters) is not None else 0
            case grammar.Sequence(parts):
                return reduce(self._joined, map(self.lengths, parts), 1)
            case Choice(branches):
                return reduce(int.__or__, map(self.lengths, branches))
            case Repeat(inner, least, most):
                once = self.lengths(inner)
                more = self._all.bit_length() if most is None else most - least
                return self._joined(self._power(once, least), self._power(once | 1, more))

    def _joined(self, one: int, other: int) -> int:
        few, many = sorted((one, other), key=int.bit_count)
        self._spend(1 + few.bit_count())
        return reduce(int.__or__, (many << length for length in _bits(few)), 0) & self._all

    def _power(self, once: int, count: int) -> int:
        result = 1
        while count:
            if count & 1:
                result = self._joined(result, once)
            once, count = self._joined(once, once), count >> 1
        return result

    def spell(self, node: Node, length: int) -> Iterator[str]:
        """Yield the characters of a value that has a length of the node's."""
        match node:
            case One(characters):
                yield self._letter(characters)
            case grammar.Sequence(parts):
                yield from self._row(parts, length)
            case Choice(branches):
                self._spend(len(branches))
                fitting = [each for each in branches if self.lengths(each) >> length & 1]
                yield from self.spell(fitting[self._at % len(fitting)], length)
            case Repeat(inner, least, _):
                yield from self._row([inner] * self._count(inner, least, length), length)

    def _count(self, node: Node, least: int, length: int) -> int:
        """The fewest repetitions that come to a length."""
        once = self.lengths(node)
        reached, count = self._power(once, least), least
        while not reached >> length & 1:
            reached, count = self._joined(reached, once), count + 1
        return count

    def _row(self, parts: Sequence[Node], length: int) -> Iterator[str]:
        rests = [1]
        for part in reversed(parts):
            rests.append(self._joined(self.lengths(part), rests[-1]))
        for part, rest in zip(parts, reversed(rests[:-1]), strict=True):
            own = next(n for n in _bits(self.lengths(part)) if rest >> max(0, length - n) & 1)
            yield from self.spell(part, own)
            length -= own

    def _letter(self, characters: Characters) -> str:
        self._at += 1
        for alphabet in self._alphabets:
            turned = self._at % len(alphabet)
            self._spend(1 + len(alphabet) * len(characters) // _LETTERS_AT_ONCE)
            for letter in (alphabet[turned - 1 :] + alphabet)[: len(alphabet)]:
                if any(low <= ord(letter) <= high for low, high in characters):
                    return letter
        return chr(_first_of(characters) or _BLANK)


def _first_of(characters: Characters) -> int | None:
    """The first character that may stand in a text, a printable one before others."""
    for floor in (_BLANK, 1):
        for low, high in characters:
            code = max(low, floor)
            if _FIRST_HALF <= code <= _LAST_HALF:
                code = _LAST_HALF + 1
            if code <= high:
                return code
    return None


def _bits(lengths: int) -> Iterator[int]:
    while lengths:
        yield _lowest(lengths)
        lengths &= lengths - 1


def _lowest(lengths: int) -> int:
    return (lengths & -lengths).bit_length() - 1
