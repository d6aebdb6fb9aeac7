"""Reads a pattern of the safe subset (patterns.py) into a tree."""

import re
from dataclasses import dataclass
from typing import Final

from catalog.contracts import characters as chars
from catalog.contracts.characters import Characters

REPEAT_MAX: Final = 1_000
_DEPTH_MAX: Final = 10

_CLASSES: Final = {
    "d": chars.DIGIT,
    "w": chars.WORD,
    "s": chars.SPACE,
    "D": chars.outside(chars.DIGIT),
    "W": chars.outside(chars.WORD),
    "S": chars.outside(chars.SPACE),
}
_CODE: Final = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})")
_COUNT: Final = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{0,4}))?\}")


@dataclass(frozen=True, slots=True)
class One:
    """One character of a set."""

    characters: Characters


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    branches: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    node: "Node"
    least: int
    most: int | None


Node = One | Sequence | Choice | Repeat


class Unreadable(Exception):
    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def read(pattern: str) -> Node:
    """The tree of a pattern; Unreadable where it leaves the subset."""
    return _Reader(_bare(pattern)).whole()


def _bare(pattern: str) -> str:
    """Without `^` and `$` around the whole, which a full match has anyway."""
    text = pattern.removeprefix("^")
    if text.endswith("$") and not _ends_escaped(text[:-1]):
        text = text[:-1]
    return text


def _ends_escaped(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        node = self._choice()
        if self.at < len(self.text):
            raise Unreadable("括号不成对", "A parenthesis is not balanced")
        return node

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self, mark: str) -> bool:
        found = self.text.startswith(mark, self.at)
        self.at += len(mark) * found
        return found

    def _choice(self) -> Node:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self) -> Node:
        parts = []
        while self._next() not in {"", "|", ")"}:
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self, node: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return node
        self._take("?")  # a lazy repetition matches the same whole values
        if self._next() in {"*", "+", "?"} or _COUNT.match(self.text, self.at):
            raise Unreadable(
                "不支持叠加的量词", "Stacked or possessive quantifiers are not supported"
            )
        return Repeat(node, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        for mark, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(mark):
                return bounds
        found = _COUNT.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        least = int(found[1])
        most = (int(found[3]) if found[3] else None) if found[2] else least
        if max(least, most or 0) > REPEAT_MAX or (most is not None and most < least):
            raise Unreadable("重复次数不正确", f"A repetition is out of order or over {REPEAT_MAX}")
        return least, most

    def _atom(self) -> Node:
        if self._take("("):
            return self._group()
        if self._take("["):
            return One(self._class())
        if self._take("\\"):
            return One(self._escape())
        mark = self._next()
        self.at += 1
        if mark == ".":
            return One(chars.ANY)
        if mark in "^$*+?{}]":
            raise Unreadable(f"“{mark}”须转义", f"{mark!r} is not supported here; escape it")
        return One(_literal(mark))

    def _group(self) -> Node:
        if not self._take("?:") and self._next() == "?":
            raise Unreadable("不支持断言、命名组和标志", "Look-around, names, flags: not supported")
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise Unreadable("括号嵌套过深", f"Groups nest deeper than {_DEPTH_MAX}")
        node = self._choice()
        if not self._take(")"):
            raise Unreadable("括号不成对", "A parenthesis is not balanced")
        self.depth -= 1
        return node

    def _escape(self) -> Characters:
        code = _CODE.match(self.text, self.at)
        if code:
            self.at = code.end()
            return _literal(chr(int(code[1] or code[2], 16)))
        mark = self._next()
        self.at += 1
        if mark in _CLASSES:
            return _CLASSES[mark]
        if mark == "t":
            return chars.single("\t")
        if not mark or mark.isalnum():
            raise Unreadable(f"不支持“\\{mark}”", f"\\{mark} is not supported")
        return _literal(mark)

    def _class(self) -> Characters:
        negated = self._take("^")
        found: list[Characters] = []
        while not self._take("]"):
            found.append(self._range())
        if not found:
            raise Unreadable("字符类为空", "A character class is empty")
        members = chars.union(*found)
        return chars.outside(members) if negated else members

    def _range(self) -> Characters:
        low = self._member()
        following = self.text[self.at + 1 : self.at + 2]
        if self._next() != "-" or following in {"", "]"}:
            return low
        self.at += 1
        high = self._member()
        if not _lone(low) or not _lone(high) or low[0][0] > high[0][0]:
            raise Unreadable("字符类的范围不正确", "A range in a character class is not in order")
        return _without_line_break(((low[0][0], high[0][0]),))

    def _member(self) -> Characters:
        if self._take("\\"):
            return self._escape()
        mark = self._next()
        if not mark:
            raise Unreadable("字符类没有结束", "A character class is not closed")
        self.at += 1
        return _literal(mark)


def _lone(characters: Characters) -> bool:
    return len(characters) == 1 and characters[0][0] == characters[0][1]


def _literal(character: str) -> Characters:
    if character == "\n" or "\ud800" <= character <= "\udfff":
        raise Unreadable("不支持换行和代理码", "Line breaks and surrogates are not supported")
    return chars.single(character)


def _without_line_break(characters: Characters) -> Characters:
    return chars.complement(chars.union(chars.complement(characters), chars.LINE_BREAK))
