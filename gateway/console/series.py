"""Charts over time: a table, a line that the server draws of it, and the same by a script; pure.

A chart's table is its only source: the script of the page reads it, so that both tell the same, and
whoever has no scripts has the table and the server's line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from kernel.clock import SHANGHAI

WIDTH: Final = 600
HEIGHT: Final = 120
# Room for the width of a line at the edges.
EDGE: Final = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its heading, its figures in the order of the rows, and where they are drawn."""

    label: str
    values: Sequence[float | None]
    path: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """`key` and the lines' labels are codes of `labels` (kind `series`), `unit` too (`unit`).

    `stamps` are seconds since 1970, `times` how they are written; `top` is the greatest value.

    `whole_days` says that times are days, which have no clock.
    """

    key: str
    unit: str
    times: Sequence[str]
    stamps: Sequence[int]
    lines: Sequence[Line]
    top: float
    whole_days: bool = False
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def known(self) -> bool:
        """Whether there is anything to show."""
        return any(value is not None for line in self.lines for value in line.values)


def series(
    key: str,
    unit: str,
    times: Sequence[tuple[int, str]],
    lines: Sequence[tuple[str, Sequence[float | None]]],
    *,
    top: float | None = None,
    whole_days: bool = False,
) -> Series:
    """Draw lines over times (seconds, and as written); `top` is their greatest unless named."""
    known = [value for _, values in lines for value in values if value is not None]
    greatest = top or max(known, default=0.0) or 1.0
    stamps = [stamp for stamp, _ in times]
    drawn = [Line(label, values, path(stamps, values, greatest)) for label, values in lines]
    written = [text for _, text in times]
    return Series(key, unit, written, stamps, drawn, greatest, whole_days)


def of_days(
    key: str,
    unit: str,
    days: Sequence[date],
    lines: Sequence[tuple[str, Sequence[float | None]]],
    *,
    top: float | None = None,
) -> Series:
    """Draw lines over days of Shanghai."""
    times = [
        (int(datetime.combine(day, time(), SHANGHAI).timestamp()), day.isoformat()) for day in days
    ]
    return series(key, unit, times, lines, top=top, whole_days=True)


def path(stamps: Sequence[float], values: Sequence[float | None], top: float) -> str:
    """Return the way of a line from left to right; what is not known is left out."""
    if not stamps:
        return ""
    first, length = stamps[0], (stamps[-1] - stamps[0]) or 1
    parts, pen = [], "M"
    for stamp, value in zip(stamps, values, strict=True):
        if value is None:
            pen = "M"
            continue
        x = EDGE + (WIDTH - 2 * EDGE) * (stamp - first) / length
        y = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * min(1.0, value / top)
        # A value between unknown ones would be invisible without a length of its own.
        parts.append(f"{pen}{x:.0f} {y:.0f}{'h1' if pen == 'M' else ''}")
        pen = "L"
    return "".join(parts)
