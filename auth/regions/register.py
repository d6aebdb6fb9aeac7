"""The register of divisions: Guangxi's from region to village, with their history, and the state.

Read once from the files (data/ORIGIN.md). A division is what bore a code last: a code that
went on under another name is one division with former names.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType

from auth.regions.codes import (
    COUNTY_DIGITS,
    REGION,
    STATE,
    TOWNSHIP_DIGITS,
    canonical,
    significant,
)

DATA = Path(__file__).parent / "data"
HISTORY = DATA / "guangxi_division_history.csv"
DIVISIONS = DATA / "guangxi_divisions.csv"
IN_FORCE = "在用"
NO_VILLAGE, NO_TOWNSHIP = "000", "000000"
# "450602[1993]": a part of the area went there in that year, while the division went on.
_SUCCESSOR = re.compile(r"(\d{6})(\[\d{4}\])?")


class Level(StrEnum):
    STATE = "state"
    REGION = "region"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"


_LEVELS = {"省级": Level.REGION, "地级": Level.CITY, "县级": Level.COUNTY}


@dataclass(frozen=True, slots=True)
class FormerName:
    """A name that the code bore; `until` is the year in which it ended."""

    name: str
    until: int | None


@dataclass(frozen=True, slots=True)
class Division:
    """`valid_from` and `valid_to` are years, None where unknown or in force.

    `successors` are the codes that the whole of an ended division went to.
    """

    code: str
    name: str
    level: Level
    valid_from: int | None = None
    valid_to: int | None = None
    successors: tuple[str, ...] = ()
    former_names: tuple[FormerName, ...] = ()

    @property
    def in_force(self) -> bool:
        return self.valid_to is None


@cache
def counties_and_above() -> Mapping[str, Division]:
    """Return the divisions of six digits, ended ones too, by code."""
    divisions = {STATE: Division(STATE, "国家", Level.STATE)}
    for code, rows in _rows_by_code().items():
        *earlier, last = rows
        names = tuple(FormerName(row["name"], _year(row["valid_to"])) for row in earlier)
        divisions[code] = replace(_division(last), former_names=names)
    return MappingProxyType(divisions)


def _rows_by_code() -> Mapping[str, list[dict[str, str]]]:
    """Return the rows of each code, the one that bore it last at the end."""
    by_code: dict[str, list[dict[str, str]]] = {}
    for row in _read(HISTORY):
        by_code.setdefault(row["code"], []).append(row)
    for rows in by_code.values():
        rows.sort(key=lambda row: int(row["valid_from"]))
    return by_code


def _division(row: Mapping[str, str]) -> Division:
    in_force = row["status"] == IN_FORCE
    return Division(
        row["code"],
        row["name"],
        _LEVELS[row["level"]],
        _year(row["valid_from"]),
        None if in_force else _year(row["valid_to"]),
        () if in_force else _successors(row["code"], row["successor_codes"]),
    )


def _successors(code: str, listed: str) -> tuple[str, ...]:
    """Return where the division went at its end, else where its parts had gone before."""
    pairs = [pair for pair in _SUCCESSOR.findall(listed) if pair[0] != code]
    whole = tuple(successor for successor, year in pairs if not year)
    return whole or tuple(successor for successor, _year in pairs)


@cache
def names_below_counties() -> Mapping[str, str]:
    """Return the names of the edition's townships and villages, by canonical code."""
    # By hand, as no name holds a comma: the csv module takes a second for so many rows.
    lines = DIVISIONS.read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split(",", 2) for line in lines)
    return MappingProxyType(
        {
            code.removesuffix(NO_VILLAGE): name
            for code, name, _level_and_parent in rows
            if not code.endswith(NO_TOWNSHIP)
        }
    )


def find(region_code: str) -> Division | None:
    """Return the division that bears the code, or bore it last; None for no code of the register.

    A township whose county has ended is not in the register.
    """
    code = canonical(region_code)
    if len(code) == COUNTY_DIGITS:
        return counties_and_above().get(code)
    name = names_below_counties().get(code)
    return None if name is None else _below_county(code, name)


def _below_county(code: str, name: str) -> Division:
    is_township = len(code) == TOWNSHIP_DIGITS
    return Division(code, name, Level.TOWNSHIP if is_township else Level.VILLAGE)


def every() -> Iterator[Division]:
    """Yield all divisions, the ended ones too, by code."""
    above, below = counties_and_above(), names_below_counties()
    for code in sorted((*above, *below)):
        yield above[code] if code in above else _below_county(code, below[code])


def is_of_region(region_code: str) -> bool:
    """Whether the code is one of the autonomous region's, whether or not it is given out."""
    return region_code.startswith(significant(REGION))


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def _year(text: str) -> int | None:
    return int(text) if text else None
