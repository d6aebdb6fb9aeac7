r"""The safe subset of regular expressions that an element's pattern may use.

Literals, classes, `.`, `\d \w \s` and their complements, groups, `|`, `* + ? {m,n}`; `^` and `$`
only around the whole. No references, look-around, flags, named groups, possessive quantifiers.
A pattern matches the whole value, ASCII only for `\d \w \s`, and never a line break, so a column
of values joined by line breaks is checked at once. It is written out again in plain classes, so
Python and the consumers' JSON Schema validators read it alike.

Backtracking is bounded before a pattern is accepted: a repetition is *decided* where what it
repeats and what follows never begin with the same character; the ways of all that is not decided
are multiplied, and no repetition may repeat another one that is undecided or unbounded.
"""

import re
from functools import lru_cache
from itertools import combinations
from typing import Final

from catalog.contracts import characters as chars
from catalog.contracts.characters import Characters
from catalog.contracts.errors import UnsafePattern
from catalog.contracts.grammar import Choice, Node, One, Repeat, Sequence, Unreadable, read
from kernel.errors import FieldError

PATTERN_LENGTH_MAX: Final = 200
VALUE_LENGTH_MAX: Final = 1_000
"""Longest value of an item with a pattern whose standard names no length; bounds backtracking."""

_WAYS_MAX: Final = 4 * VALUE_LENGTH_MAX


def check_pattern(pattern: str) -> None:
    """Raises UnsafePattern (422) unless the pattern is in the subset and its cost is bounded."""
    try:
        _accepted(pattern)
    except Unreadable as finding:
        error = FieldError("pattern", "pattern", finding.zh, finding.en)
        raise UnsafePattern(finding.zh, finding.en, errors=[error]) from finding


def tree_of(pattern: str) -> Node:
    """The tree of a pattern; raises UnsafePattern."""
    check_pattern(pattern)
    return _accepted(pattern)[0]


def portable(pattern: str) -> str:
    """The same pattern in plain classes, unanchored; raises UnsafePattern."""
    return _regex(tree_of(pattern))


def ways_of(pattern: str) -> int:
    """Most ways in which a matcher may read a value; raises UnsafePattern."""
    check_pattern(pattern)
    return _accepted(pattern)[1]


def compile_lines(pattern: str) -> re.Pattern[str]:
    """Matches values each ended by a line break, one value or a whole column."""
    return re.compile(f"(?:{portable(pattern)}\n)*+")


@lru_cache(maxsize=512)
def _accepted(pattern: str) -> tuple[Node, int]:
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise Unreadable(
            f"正则表达式超过 {PATTERN_LENGTH_MAX} 个字符",
            f"The pattern is longer than {PATTERN_LENGTH_MAX} characters",
        )
    node = read(pattern)
    ways = _ways(node, chars.NOTHING)
    if ways > _WAYS_MAX:
        raise Unreadable(
            "正则表达式的回溯没有上限，请写得更明确",
            "Backtracking is not bounded; make repetitions and what follows them begin apart",
        )
    return node, ways


def _regex(node: Node) -> str:
    match node:
        case One(characters):
            return chars.regex(characters)
        case Sequence(parts):
            return "".join(map(_regex, parts))
        case Choice(branches):
            return f"(?:{'|'.join(map(_regex, branches))})"
        case Repeat(inner, least, most):
            body = _regex(inner) if isinstance(inner, One) else f"(?:{_regex(inner)})"
            return body + _quantifier(least, most)


def _quantifier(least: int, most: int | None) -> str:
    if least == most:
        return f"{{{least}}}"
    shorthand = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most))
    return shorthand or f"{{{least},{'' if most is None else most}}}"


def _nullable(node: Node) -> bool:
    match node:
        case One():
            return False
        case Sequence(parts):
            return all(map(_nullable, parts))
        case Choice(branches):
            return any(map(_nullable, branches))
        case Repeat(inner, least, _):
            return least == 0 or _nullable(inner)


def _first(node: Node) -> Characters:
    match node:
        case One(characters):
            return characters
        case Sequence(parts):
            found = chars.NOTHING
            for part in parts:
                found = chars.union(found, _first(part))
                if not _nullable(part):
                    break
            return found
        case Choice(branches):
            return chars.union(*map(_first, branches))
        case Repeat(inner, _, most):
            return chars.NOTHING if most == 0 else _first(inner)


def _ways(node: Node, after: Characters) -> int:
    """Most ways in which a backtracking matcher may read a node, of characters `after` it."""
    match node:
        case One():
            return 1
        case Sequence(parts):
            return _sequence_ways(parts, after)
        case Choice(branches):
            counts = [_ways(branch, after) for branch in branches]
            return max(counts) if _decided(branches, after) else sum(counts)
        case Repeat():
            return _repeat_ways(node, after)


def _sequence_ways(parts: tuple[Node, ...], after: Characters) -> int:
    total = 1
    for part in reversed(parts):
        total *= _ways(part, after)
        after = chars.union(_first(part), after) if _nullable(part) else _first(part)
    return total


def _decided(branches: tuple[Node, ...], after: Characters) -> bool:
    starts = [
        chars.union(_first(branch), after) if _nullable(branch) else _first(branch)
        for branch in branches
    ]
    several_empty = sum(map(_nullable, branches)) > 1
    return not several_empty and not any(chars.meet(*pair) for pair in combinations(starts, 2))


def _repeat_ways(repeat: Repeat, after: Characters) -> int:
    inner = _ways(repeat.node, chars.union(_first(repeat.node), after))
    least, most = repeat.least, repeat.most
    if least == most:
        return _power(inner, least)
    if _nullable(repeat.node):
        raise Unreadable("重复的内容可以为空", "A repetition repeats what may be empty")
    decided = not chars.meet(_first(repeat.node), after)
    if inner > 1 and most is None:
        raise Unreadable("不支持嵌套的不定重复", "An undecided repetition stands inside another")
    if decided:
        return _power(inner, most or 1)
    if most is None:
        return VALUE_LENGTH_MAX
    return sum(_power(inner, count) for count in range(least, most + 1))


def _power(base: int, exponent: int) -> int:
    """Exact up to the limit and never a number of thousands of digits."""
    return 1 if base == 1 else min(base ** min(exponent, _WAYS_MAX.bit_length()), _WAYS_MAX + 1)
