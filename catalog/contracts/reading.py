"""The members of one JSON object, read strictly and in steps, however large it is.

The grammar is the decoder's, the strings are Python's: half a surrogate pair is JSON, and wrong in
the record that holds it. What nests is not built, since no item may hold it.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from kernel.turns import Steps

BLANKS: Final = b" \t\r\n"
TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?+|[\[\]{},]', re.DOTALL)
"""A string, or a mark outside of strings."""

# Only ever asked for strings, which it reads in C.
_string: Final = json.JSONDecoder().raw_decode
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_AS_BLANK: Final = rb"\\u0020"
_HALF_LENGTH: Final = 6
_PORTION: Final = 256 * 1024
_AT_ONCE: Final = 2_000

_COLON: Final = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_NEXT: Final = re.compile(r"[ \t\r\n]*(?:,[ \t\r\n]*)?")
_START: Final = re.compile(r"[ \t\r\n]*\{[ \t\r\n]*")
_NUMBER: Final = re.compile(r"[-+.0-9eE]+")
_NESTING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_WORDS: Final = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class Nested:
    """An array or an object in the place of a value."""


NESTED: Final = Nested()

Members = list[tuple[str, object]]
"""In the order of the text, names that stand twice included."""


def is_json(text: bytes) -> bool:
    """Whether a text of UTF-8 that does not nest too deeply is one JSON value."""
    try:
        _ANY.decode(text)
    except msgspec.DecodeError:
        return _HALF.search(text) is not None and _is_json_without_halves(text)
    except RecursionError:
        return False
    return True


def _is_json_without_halves(text: bytes) -> bool:
    try:
        _ANY.decode(_HALF.sub(_AS_BLANK, text))
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def without_half_pairs(body: bytes) -> Steps[bytes]:
    """A text of the same length that is JSON where `body` is, with no escaped surrogate in it.

    Behind an escaped backslash such letters are no escape: there they stay harmless letters.
    """
    if _HALF.search(body) is None:
        return body
    parts = []
    for portion in _portions(body):
        parts.append(_HALF.sub(_AS_BLANK, portion))
        yield
    return b"".join(parts)


def _portions(body: bytes) -> Iterator[bytes]:
    """The text in pieces, cut where no escape is cut through."""
    start = 0
    while start < len(body):
        end = start + _PORTION
        backslash = body.rfind(b"\\", end - _HALF_LENGTH + 1, end)
        if backslash > start:
            end = backslash
        yield body[start:end]
        start = end


def members_of(line: bytes) -> Steps[Members | None]:
    """The members of an object, None where the line holds another value; ValueError: no JSON.

    The line is UTF-8 and nests no deeper than the decoder reads.
    """
    if not is_json(line):
        raise ValueError("not JSON")
    text = line.decode()
    start = _START.match(text)
    if start is None:
        return None
    members: Members = []
    at = start.end()
    while text[at] != "}":
        if len(members) % _AT_ONCE == _AT_ONCE - 1:
            yield
        name, at = _string(text, at)
        at = _end(_COLON, text, at)
        mark = text[at]
        value: object
        if mark == '"':
            value, at = _string(text, at)
        elif mark in "[{":
            value, at = NESTED, (yield from _nested_end(text, at))
        elif mark in _WORDS:
            word, value = _WORDS[mark]
            at += len(word)
        else:
            end = _end(_NUMBER, text, at)
            value, at = Number(text[at:end]), end
        members.append((name, value))
        at = _end(_NEXT, text, at)
    return members


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    if match is None:
        raise ValueError(f"not JSON at {at}")
    return match.end()


def _nested_end(text: str, start: int) -> Steps[int]:
    depth = 0
    for count, token in enumerate(_NESTING.finditer(text, start), 1):
        if count % _AT_ONCE == 0:
            yield
        mark = token[0]
        depth += (mark in "[{") - (mark in "]}")
        if depth == 0:
            return token.end()
    raise ValueError("not JSON")
