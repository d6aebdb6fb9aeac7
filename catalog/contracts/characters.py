"""Sets of characters as sorted, disjoint, inclusive ranges of code points."""

from collections.abc import Iterable
from typing import Final

Characters = tuple[tuple[int, int], ...]

NOTHING: Final[Characters] = ()
_LAST: Final = 0x10FFFF
_SPECIAL: Final = frozenset("^$\\.*+?()[]{}|/")
_SPECIAL_IN_CLASS: Final = frozenset("\\]^-[")


def union(*sets: Iterable[tuple[int, int]]) -> Characters:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(each for ranges in sets for each in ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(characters: Characters) -> Characters:
    gaps, start = [], 0
    for low, high in characters:
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= _LAST:
        gaps.append((start, _LAST))
    return tuple(gaps)


def single(character: str) -> Characters:
    return ((ord(character), ord(character)),)


def of(text: str) -> Characters:
    return union(*map(single, text))


LINE_BREAK: Final = single("\n")
ANY: Final = complement(LINE_BREAK)
DIGIT: Final = ((ord("0"), ord("9")),)
WORD: Final = union(DIGIT, ((ord("A"), ord("Z")), (ord("a"), ord("z"))), single("_"))
SPACE: Final = of(" \t\r\f\v")


def outside(characters: Characters) -> Characters:
    """Every other character, save the line break, which no pattern matches."""
    return complement(union(characters, LINE_BREAK))


def meet(one: Characters, other: Characters) -> bool:
    return any(low <= top and bottom <= high for low, high in one for bottom, top in other)


def regex(characters: Characters) -> str:
    """A literal or a class that Python, ECMA-262 and Rust read alike."""
    if len(characters) == 1 and characters[0][0] == characters[0][1]:
        return _escaped(characters[0][0], _SPECIAL)
    negated = bool(characters) and characters[-1][1] == _LAST
    ranges = complement(characters) if negated else characters
    inner = "".join(
        _escaped(low, _SPECIAL_IN_CLASS)
        + ("" if low == high else f"-{_escaped(high, _SPECIAL_IN_CLASS)}")
        for low, high in ranges
    )
    return f"[{'^' if negated else ''}{inner}]"


def _escaped(code: int, special: frozenset[str]) -> str:
    if code < ord(" "):
        return f"\\x{code:02x}"
    return f"\\{chr(code)}" if chr(code) in special else chr(code)
