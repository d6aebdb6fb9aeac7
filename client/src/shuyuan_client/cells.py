"""Cells as the contract types them: what is converted is told, what does not fit stays as it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from shuyuan_client.wording import say

INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
WHOLE: Final = re.compile(r"(-?(?:0|[1-9][0-9]{0,18}))\.0+", re.ASCII)
DAY: Final = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?", re.ASCII)
MOMENT: Final = re.compile(
    rf"({DAY.pattern})[ T]+([0-9]{{1,2}}):([0-9]{{2}})(?::([0-9]{{2}}))?", re.ASCII
)
# What Excel makes of a long number: its last digits are gone.
CUT: Final = re.compile(r"-?[0-9](?:\.[0-9]+)?[Ee]\+?(?:1[0-9]|[2-9][0-9])", re.ASCII)
BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}
TRUTHS: Final[Mapping[str, bool]] = {"是": True, "否": False}
HOURS, SIXTY = 24, 60

Schema = Mapping[str, Any]
Value = str | int | bool


@dataclass(slots=True)
class Conversions:
    """What is written otherwise than in the file, by item: how often, and the first of it."""

    zone: str = "+08:00"
    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, tuple[int, str, str]] = field(default_factory=dict)

    def note(self, item: str, line: int, cell: str, value: object) -> None:
        self.counts[item] = self.counts.get(item, 0) + 1
        self.first.setdefault(item, (line, cell, str(value)))

    def sentences(self) -> list[str]:
        told = []
        for item, count in self.counts.items():
            line, cell, value = self.first[item]
            told.append(
                say(
                    f"“{item}”有 {count:,} 处将转换，如第 {line} 行 {cell} → {value}",
                    f"{item}: {count:,} cells are converted, as in line {line}: {cell} → {value}",
                )
            )
        return told


def value_of(name: str, cell: str, schema: Schema, line: int, told: Conversions) -> Value:
    """Return the value of a cell that is not empty."""
    kinds = _kinds(schema)
    if "integer" in kinds:
        return _integer(name, cell, line, told)
    if "boolean" in kinds:
        return _boolean(name, cell, line, told)
    form = schema.get("format")
    if form == "date":
        return _noted(name, cell, day(cell), line, told)
    if form == "date-time":
        return _noted(name, cell, moment(cell, told.zone), line, told)
    return cell


def is_cut(cell: str, schema: Schema) -> bool:
    """Whether Excel has taken digits from what is a text by the contract."""
    kinds = _kinds(schema)
    return "string" in kinds and "number" not in kinds and CUT.fullmatch(cell) is not None


def _kinds(schema: Schema) -> set[str]:
    """Return the types that a contract allows, which it names one by one or in a list."""
    types = schema.get("type", ())
    return {types} if isinstance(types, str) else set(types)


def _integer(name: str, cell: str, line: int, told: Conversions) -> Value:
    if INTEGER.fullmatch(cell):
        return int(cell)
    whole = WHOLE.fullmatch(cell)
    if whole is None:
        return cell
    told.note(name, line, cell, whole[1])
    return int(whole[1])


def _boolean(name: str, cell: str, line: int, told: Conversions) -> Value:
    if cell in TRUTHS:
        told.note(name, line, cell, str(TRUTHS[cell]).lower())
        return TRUTHS[cell]
    return BOOLEANS.get(cell.lower(), cell)


def _noted(name: str, cell: str, value: str, line: int, told: Conversions) -> str:
    if value != cell:
        told.note(name, line, cell, value)
    return value


def day(cell: str) -> str:
    """Return a day as RFC 3339 writes it; what is none, as it stands."""
    found = DAY.fullmatch(cell)
    on = None if found is None else _date(*found.groups())
    return cell if on is None else on.isoformat()


def moment(cell: str, zone: str) -> str:
    """Return a moment without a zone as one of the zone; what is none, as it stands."""
    found = MOMENT.fullmatch(cell)
    if found is None:
        return cell
    on = _date(found[2], found[3], found[4])
    hour, minute, second = int(found[5]), int(found[6]), int(found[7] or 0)
    if on is None or hour >= HOURS or minute >= SIXTY or second >= SIXTY:
        return cell
    return f"{on.isoformat()}T{hour:02}:{minute:02}:{second:02}{zone}"


def _date(year: str, month: str, on: str) -> date | None:
    """Return the day of these figures; None where the calendar has none."""
    try:
        return date(int(year), int(month), int(on))
    except ValueError:
        return None
