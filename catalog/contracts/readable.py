"""Which stored values are records at all: one JSON object in UTF-8 on one line (P12); pure.

The contract lets nothing else pass, but others may write into a topic, and older builds kept a bare
carriage return between two tokens.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from catalog.contracts.decoding import UNREADABLE

_Nothing = msgspec.defstruct("Nothing", [], gc=False)
_objects: Final = msgspec.json.Decoder(_Nothing).decode_lines
_object: Final = msgspec.json.Decoder(_Nothing).decode
_BLANK: Final = b" \t\r"


def body_of(values: Sequence[bytes]) -> bytes | None:
    """Return the values as lines; None where one may be more than a line, or no UTF-8."""
    body = b"\n".join(values)
    # Looked for in one word after another; to count the breaks would look at every byte.
    if b"\r" in body or b"\n" in b"".join(values) or not is_utf8(body):
        return None
    return body


def is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_key(key: bytes) -> bool:
    """Whether the platform may have written this record key."""
    return bool(key) and is_utf8(key)


def readable(values: Sequence[bytes]) -> Sequence[bytes | None]:
    """Return each value as it may stand in a line, without blanks around it; None for no record."""
    body = body_of(values)
    # One look for all: a line break stands nowhere but between two objects.
    if (
        body is None
        or body[:1] + body[-1:] != b"{}"
        or body.count(b"}\n{") != len(values) - 1
        or not _are_objects(body, len(values))
    ):
        return [_readable(value) for value in values]
    return values


def _are_objects(body: bytes, count: int) -> bool:
    try:
        return len(_objects(body)) == count
    except UNREADABLE:
        return False


def _readable(value: bytes) -> bytes | None:
    try:
        value.decode()
        _object(value)
    except UNREADABLE:
        return None
    if b"\n" in value:
        # Bodies are cut at line breaks: no publish can have stored this.
        return None
    # A carriage return in valid JSON stands between tokens.
    return value.strip(_BLANK).replace(b"\r", b" ")
