"""监督: the indicators of sharing, and violations by article (Order 809 Art 38-41)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from auth.principal import Role
from exchange.supervision.figures import By
from exchange.supervision.indicators import INDICATORS
from exchange.violations.types import ARTICLES, Type
from gateway.api import statistics
from gateway.api.statistics import Asked
from gateway.api.statistics_shapes import CaseView, IndicatorList, IndicatorView, ViolationCount
from gateway.api.violation_shapes import ViolationView
from gateway.console.pages import page
from gateway.console.places import PLACES
from gateway.console.visit import Visit
from kernel.errors import NotFound
from kernel.workdays import local_date

router = APIRouter()
CHOSEN_ARTICLES: Final = tuple(map(str, ARTICLES))
TRUTHS: Final = {"yes": True, "no": False}


def days(visit: Visit) -> Asked:
    """Return the days that the address names; what is no day counts as none."""
    return Asked(day_of(visit.query("from")), day_of(visit.query("to")))


def day_of(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def shows_today(visit: Visit, last: date) -> bool:
    """Whether a period that ends on this day still changes, so that its page renews itself."""
    return last >= local_date(visit.now)


@dataclass(frozen=True, slots=True)
class Row:
    """`indicator` of a group, or of all; `percent` is its share, None of a count."""

    indicator: IndicatorView
    percent: float | None


@dataclass(frozen=True, slots=True)
class Indicators:
    """`by` is what they are grouped by, empty where they are not."""

    period: IndicatorList
    rows: Sequence[Row]
    by: str
    groupings: Sequence[str]
    chosen: str
    names: Mapping[str, tuple[str, str]]
    next_cursor: str | None


@page(router, "/console/indicators", "indicators.html")
async def indicators(visit: Visit) -> Indicators | Response:
    grouping, asked = visit.query("by") or "", visit.query("indicator") or ""
    by = By(grouping) if grouping in set(By) else None
    chosen = asked if by and asked in INDICATORS else ""
    only = [chosen] if chosen else INDICATORS.keys()
    async with visit.reading() as session:
        to = session, visit.principal
        if visit.is_export:
            return await statistics.export_indicators(*to, days(visit), by, chosen or None)
        if by is None:
            found = await statistics.told(*to, days(visit), None)
        else:
            found = await statistics.grouped(*to, days(visit), by, visit.paging, only)
    rows = [Row(each, percent(each)) for each in found.items]
    names = {each.id: (each.name, each.name_en) for each in INDICATORS.values()}
    groupings = [str(each) for each in By]
    return Indicators(found, rows, by or "", groupings, chosen, names, found.next_cursor)


def percent(indicator: IndicatorView) -> float | None:
    """Return a share in percent; None for counts, and where nothing was due; pure."""
    if indicator.denominator is None or indicator.value is None:
        return None
    return round(indicator.value * 100, 1)


@dataclass(frozen=True, slots=True)
class IndicatorCases:
    """What one indicator was counted from; a count has no unmet cases to choose."""

    indicator: IndicatorView
    items: Sequence[CaseView]
    places: Mapping[str, str]
    next_cursor: str | None


@page(router, "/console/indicators/{id}", "indicator_cases.html")
async def indicator_cases(visit: Visit) -> IndicatorCases:
    named, asked = visit.part("id"), days(visit)
    if named not in INDICATORS:
        raise NotFound
    async with visit.reading() as session:
        found = await statistics.list_cases(
            session,
            visit.principal,
            visit.paging,
            asked,
            named,
            met=TRUTHS.get(visit.query("met") or ""),
        )
        shown = await statistics.told(session, visit.principal, asked, None, [named])
    return IndicatorCases(shown.items[0], found.items, PLACES, found.next_cursor)


@dataclass(frozen=True, slots=True)
class Violations:
    """One type a row; `most` is the greatest count, for the bars."""

    items: Sequence[ViolationCount]
    articles: Sequence[str]
    most: int


@page(router, "/console/violations", "violations.html")
async def violations(visit: Visit) -> Violations:
    article: Any = visit.query("article")
    async with visit.reading() as session:
        found = await statistics.count_violations(
            session,
            visit.principal,
            days(visit),
            article=article if article in CHOSEN_ARTICLES else None,
        )
    most = max((each.count for each in found.items), default=0)
    return Violations(found.items, CHOSEN_ARTICLES, most)


@dataclass(frozen=True, slots=True)
class ViolationCases:
    """`orders` says whether the person may order what is not ordered yet."""

    types: Sequence[str]
    items: Sequence[ViolationView]
    places: Mapping[str, str]
    orders: bool
    next_cursor: str | None


@page(router, "/console/violations/cases", "violation_cases.html")
async def violation_cases(visit: Visit) -> ViolationCases:
    type_ = visit.query("type")
    async with visit.reading() as session:
        found = await statistics.list_violations(
            session,
            visit.principal,
            visit.paging,
            days(visit),
            type_=Type(type_) if type_ in set(Type) else None,
        )
    orders = visit.has(Role.AUTHORITY) and visit.principal.is_authority
    types = [str(each) for each in Type]
    return ViolationCases(types, found.items, PLACES, orders, found.next_cursor)
