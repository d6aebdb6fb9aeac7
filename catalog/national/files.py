"""National standards and code lists as they ship with the platform; pure."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from catalog.rules.code_lists import NewCode

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class NationalStandard:
    code: str
    title: str
    edition: str
    effective_from: date


@dataclass(frozen=True, slots=True)
class NationalEdition:
    """An edition of a code list, with its list."""

    code_list: str
    name: str
    standard: str
    edition: str
    effective_from: date
    items: tuple[NewCode, ...]


@cache
def standards() -> Sequence[NationalStandard]:
    return tuple(
        NationalStandard(
            row["code"], row["title"], row["edition"], date.fromisoformat(row["effective_from"])
        )
        for row in _rows("standards")
    )


@cache
def editions() -> Sequence[NationalEdition]:
    """Return every edition, those of a list in the order of their first days."""
    return tuple(
        NationalEdition(
            code_list=row["code"],
            name=row["name"],
            standard=row["standard"],
            edition=row["edition"],
            effective_from=date.fromisoformat(row["effective_from"]),
            items=tuple(
                NewCode(value=code["value"], name=code["name"], parent=code["parent"] or None)
                for code in _rows("codes")
                if code["code_list"] == row["code"]
            ),
        )
        for row in _rows("code_lists")
    )


def _rows(name: str) -> Iterator[Mapping[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
