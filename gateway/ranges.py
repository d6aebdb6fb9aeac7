"""Ranges of bytes of a file (RFC 9110 14); pure."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from kernel.errors import BadRequest, Text

RANGES_MAX: Final = 10
_UNIT: Final = re.compile(r"bytes\s*=\s*(.*)", re.IGNORECASE | re.DOTALL)
_RANGE: Final = re.compile(r"(\d{0,19})-(\d{0,19})", re.ASCII)


class RangeNotSatisfiable(BadRequest):
    """`size` is that of the file; a request without `Range` gets all of it."""

    code = "range_not_satisfiable"
    title = Text(
        "请求的范围不在文件之内，或多于 10 段",
        "No range lies within the file, or there are more than 10",
    )

    def __init__(self, size: int) -> None:
        super().__init__(size=size)
        self.size = size


class Span(NamedTuple):
    """Bytes from `start` to before `end`."""

    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start

    def told(self, size: int) -> str:
        """Return it as Content-Range tells it."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


def ranges(header: str | None, size: int) -> Sequence[Span] | None:
    """Return the stretches that are asked for, None for all of the file.

    What is no range of bytes is not heard (RFC 9110 14.2). Raises RangeNotSatisfiable where none
    lies within the file, where there are more than RANGES_MAX, and where they overlap so much that
    more is asked for than there is.
    """
    unit = _UNIT.fullmatch((header or "").strip())
    if unit is None:
        return None
    parts = [part.strip() for part in unit[1].split(",") if part.strip()]
    if len(parts) > RANGES_MAX:
        raise RangeNotSatisfiable(size)
    spans = []
    for part in parts:
        match = _RANGE.fullmatch(part)
        if (
            match is None
            or match[0] == "-"
            or (match[1] and match[2] and int(match[1]) > int(match[2]))
        ):
            return None
        spans.append(_span(match[1], match[2], size))
    satisfiable = [span for span in spans if span is not None]
    if not parts:
        return None
    if not satisfiable or sum(span.size for span in satisfiable) > size:
        raise RangeNotSatisfiable(size)
    return satisfiable


def _span(first: str, last: str, size: int) -> Span | None:
    if not first:
        length = min(int(last), size)
        return Span(size - length, size) if length else None
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    return Span(start, end) if start < size else None
