"""Bytes that mean something in JSON, and what a compiled pass answers."""

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
