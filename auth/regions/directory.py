"""Divisions as they are looked up: lists by page, and one with what is above and below; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from auth.regions.codes import COUNTY_DIGITS, STATE, TOWNSHIP_DIGITS, canonical
from auth.regions.register import Division, Level, every, find
from auth.regions.tree import ancestors, current
from kernel.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Each that is given narrows what is found; `q` is a part of a name, a former one too."""

    q: str | None = None
    parent: str | None = None
    level: Level | None = None
    in_force: bool | None = None


def get(region_code: str) -> Division:
    """Raise NotFound for a code that was never given out."""
    division = find(region_code)
    if division is None:
        raise NotFound
    return division


def parent(division: Division) -> str | None:
    """Return the division above it, of an ended one that of its successors; None of the state."""
    code = division.code
    if code == STATE:
        return None
    if len(code) > COUNTY_DIGITS:
        return code[:COUNTY_DIGITS] if division.level is Level.TOWNSHIP else code[:TOWNSHIP_DIGITS]
    if division.in_force or division.successors:
        return next(ancestors(code), None)
    return current(code)


def search(criteria: Criteria, *, after: str | None, limit: int) -> Sequence[Division]:
    """Return at most `limit` divisions behind the code `after`, by code."""
    chosen: list[Division] = []
    for division in _matching(criteria, after or ""):
        if len(chosen) == limit:
            break
        chosen.append(division)
    return chosen


@cache
def _all() -> Sequence[Division]:
    return tuple(every())


def _matching(criteria: Criteria, after: str) -> Iterator[Division]:
    upper = None if criteria.parent is None else canonical(criteria.parent)
    for division in _all():
        if division.code <= after:
            continue
        if criteria.level is not None and division.level is not criteria.level:
            continue
        if criteria.in_force is not None and division.in_force is not criteria.in_force:
            continue
        if criteria.q is not None and not _bears(division, criteria.q):
            continue
        if upper is None or parent(division) == upper:
            yield division


def _bears(division: Division, text: str) -> bool:
    names = (division.name, *(former.name for former in division.former_names))
    return division.code == text or any(text in name for name in names)
