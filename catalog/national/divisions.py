"""GB/T 2260 for Guangxi: an edition for each year in which codes changed, from the register; pure.

What ended in a year is listed in that year's edition with the codes that took its place.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Final

from auth.regions.codes import REGION
from auth.regions.register import Division, counties_and_above, is_of_region
from auth.regions.tree import ancestors
from catalog.national.files import NationalEdition
from catalog.rules.code_lists import NewCode

CODE: Final = "GB/T 2260"
NAME: Final = "县及县以上行政区划代码（广西）"
NEW_YEAR, YEARS_END = (1, 1), (12, 31)


@cache
def editions() -> Sequence[NationalEdition]:
    """Return the editions in the order of their years; the first one holds what was there."""
    divisions = [each for each in counties_and_above().values() if is_of_region(each.code)]
    years = sorted(_years(divisions))
    found = []
    for before, year in pairwise([years[0] - 1, *years]):
        values = [code for each in divisions for code in _values(each, before, year)]
        found.append(_edition(year, values))
    return tuple(found)


def _years(divisions: Sequence[Division]) -> set[int]:
    """Return the years in which something began, ended or was renamed."""
    years: set[int] = set()
    for each in divisions:
        moments = (each.valid_from, each.valid_to, *(name.until for name in each.former_names))
        years.update(year for year in moments if year is not None)
    return years


def _edition(year: int, values: Sequence[NewCode]) -> NationalEdition:
    known = {value.value for value in values}
    return NationalEdition(
        code_list=CODE,
        name=NAME,
        standard=CODE,
        edition=str(year),
        effective_from=date(year, *NEW_YEAR),
        items=tuple(_within(value, known) for value in values),
    )


def _within(value: NewCode, known: set[str]) -> NewCode:
    """Leave out references to codes that the edition does not list."""
    return NewCode(
        value=value.value,
        name=value.name,
        parent=value.parent if value.parent in known else None,
        effective_to=value.effective_to,
        successors=tuple(each for each in value.successors if each in known),
    )


def _values(division: Division, before: int, year: int) -> Iterator[NewCode]:
    """Yield the code as the year's edition lists it, if it does."""
    if not _began(division, year):
        return
    ended = division.valid_to
    if ended is not None and ended <= year:
        if ended > before:
            last = date(year - 1, *YEARS_END)
            yield _code(division, year, effective_to=last, successors=division.successors)
        return
    yield _code(division, year)


def _began(division: Division, year: int) -> bool:
    return bool(division.former_names) or (division.valid_from or year) <= year


def _code(
    division: Division,
    year: int,
    *,
    effective_to: date | None = None,
    successors: tuple[str, ...] = (),
) -> NewCode:
    former = (name.name for name in division.former_names if (name.until or year) > year)
    upper = None if division.code == REGION else next(ancestors(division.code), None)
    return NewCode(
        value=division.code,
        name=next(former, division.name),
        parent=upper,
        effective_to=effective_to,
        successors=successors,
    )
