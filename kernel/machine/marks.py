"""Bytes that mean something in JSON, how a name stands there, and what a compiled pass answers."""

from typing import Final

DOUBT: Final = -1
"""No place in a text: what stands there is not what was looked for, or not certainly."""
ASCII: Final = 0x80

TAB: Final = ord("\t")
SPACE: Final = ord(" ")
LINE_BREAK: Final = ord("\n")
QUOTE: Final = ord('"')
PERCENT: Final = ord("%")
COMMA: Final = ord(",")
MINUS: Final = ord("-")
PLUS: Final = ord("+")
POINT: Final = ord(".")
ZERO: Final = ord("0")
NINE: Final = ord("9")
COLON: Final = ord(":")
BACKSLASH: Final = ord("\\")
TILDE: Final = ord("~")
OPEN: Final = ord("{")
CLOSE: Final = ord("}")

_ESCAPED: Final = frozenset({QUOTE, BACKSLASH})


def as_written(text: str) -> bytes | None:
    """A text as it stands between quotation marks; None where it is empty or takes escapes."""
    try:
        written = text.encode()
    except UnicodeEncodeError:
        return None
    return None if min(written, default=0) < SPACE or _ESCAPED & {*written} else written
