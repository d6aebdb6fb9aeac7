"""Divisions as a tree that changes in time: what a code stands for today, what lies above; pure.

What was stored under a code that has ended since is read as its successor: 450127 (横县, to 2021)
is 450181. Where the area went to several divisions it is what they have above them in common.
"""

from collections.abc import Container, Iterator, Sequence
from functools import cache, lru_cache

from auth.regions.codes import COUNTY_DIGITS, STATE, canonical, significant
from auth.regions.register import counties_and_above, is_of_region

# Digits of the divisions above, the nearest first.
UPPER_LEVELS = (9, 6, 4, 2)
CODES_MAX = 65_536


@lru_cache(maxsize=CODES_MAX)
def current(region_code: str) -> str:
    """Return the code in force of what the code named; one that nobody knows stays as it is."""
    code = canonical(region_code)
    county, rest = code[:COUNTY_DIGITS], code[COUNTY_DIGITS:]
    division = counties_and_above().get(county)
    if division is None or division.in_force:
        return code
    successors = {current(each) for each in division.successors}
    if len(successors) == 1:
        (successor,) = successors
        # A township keeps its number where its county became another one.
        is_county = len(significant(successor)) == COUNTY_DIGITS
        return successor + rest if rest and is_county else successor
    if not successors:
        return next(_above(county))
    return _common(sorted(successors))


def _common(codes: Sequence[str]) -> str:
    """Return the nearest division that holds all of them."""
    first, *others = ((code, *_above(code)) for code in codes)
    return next(code for code in first if all(code in path for path in others))


def _above(code: str) -> Iterator[str]:
    """Yield what exists above, the nearest first, and the state at last."""
    below = code
    for digits in UPPER_LEVELS:
        upper = canonical(code[:digits])
        if digits < len(significant(below)) and upper != below and _exists(upper):
            yield upper
            below = upper
    if below != STATE:
        yield STATE


def _exists(code: str) -> bool:
    """Whether a division above may be named: of other regions the register tells nothing."""
    division = counties_and_above().get(code)
    if division is not None:
        return division.in_force
    return not is_of_region(code) or len(code) > COUNTY_DIGITS


def ancestors(region_code: str) -> Iterator[str]:
    """Yield the divisions above, the nearest first: 450103001 -> 450103, 450100, 450000, 100000."""
    return _above(current(region_code))


def nearest(region_code: str, candidates: Container[str]) -> str | None:
    """Return the region itself or its nearest ancestor among the candidates, codes in force."""
    own = current(region_code)
    return next((code for code in (own, *ancestors(own)) if code in candidates), None)


def covers(upper: str, lower: str) -> bool:
    """Whether a division (6 to 12 digits) is the other one or above it; the state is above all."""
    above = current(upper)
    return above == STATE or current(lower).startswith(significant(above))


def same(one: str, other: str) -> bool:
    """Whether two codes name one division: the same code, or one that succeeded the other alone."""
    return canonical(one) == canonical(other) or canonical(one) in spellings(other)


@cache
def _ended() -> Sequence[str]:
    return [code for code, each in counties_and_above().items() if not each.in_force]


@cache
def _renumbered() -> Sequence[str]:
    """Return the ended codes whose division went on whole under another code."""
    return [code for code in _ended() if _goes_on_whole(code)]


def _goes_on_whole(code: str) -> bool:
    division = counties_and_above()[code]
    if division.in_force:
        return True
    return len(division.successors) == 1 and _goes_on_whole(division.successors[0])


@lru_cache(maxsize=CODES_MAX)
def spellings(region_code: str) -> tuple[str, ...]:
    """Return the canonical codes under which the division may be stored, the one in force first."""
    code = current(region_code)
    county, rest = code[:COUNTY_DIGITS], code[COUNTY_DIGITS:]
    ended = [each + rest for each in _renumbered()]
    return (code, *(each for each in ended if current(each) == code), *_padded(county, rest))


def _padded(county: str, rest: str) -> tuple[str, ...]:
    """Builds before canonical codes stored what they were given: 450100000000 for 450100."""
    return () if rest else (county + "000", county + "000000")


@lru_cache(maxsize=CODES_MAX)
def prefixes(region_code: str) -> tuple[str, ...]:
    """Return the beginnings of the stored codes of the division and of what lies below it."""
    code = current(region_code)
    if code == STATE:
        return ("",)
    own, rest = significant(code), code[COUNTY_DIGITS:]
    ended = (each + rest for each in _ended())
    beneath = (each for each in ended if current(each).startswith(own))
    return (own, *(each for each in beneath if not each.startswith(own)))
