"""监督: the league of deadlines kept, that of divisions on the map too (Order 809 Art 38)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from auth import directory
from auth.regions.codes import REGION, STATE
from exchange.supervision import figures
from exchange.supervision.figures import By, Period
from exchange.supervision.indicators import INDICATORS, LEAGUE
from gateway.api import statistics
from gateway.api.statistics_shapes import IndicatorView
from gateway.console import maps
from gateway.console.chart_map import ChartMap, city_of, drawn, name_of
from gateway.console.pages import page
from gateway.console.standings import NOTHING, Standing, merged, ranked, standings
from gateway.console.supervision import days, shows_today
from gateway.console.visit import Visit
from gateway.workbooks import figures as sheets
from kernel import paging

router = APIRouter()
# As many departments as a workbook has; no region has more.
BOOK_MAX: Final = 10_000
NAMES: Final = {each: (INDICATORS[each].name, INDICATORS[each].name_en) for each in LEAGUE}
ABOVE_CITIES: Final = frozenset({STATE, REGION})


@dataclass(frozen=True, slots=True)
class League:
    """Those that keep most of their deadlines first, those without any last.

    Divisions are cities with all that lies below them, or the parts of one `city` that is chosen.
    """

    period: Period
    standings: Sequence[Standing]
    by: str
    map: ChartMap | None
    city: str
    city_name: str
    today: bool
    first: int = 0
    next_cursor: str | None = None
    names: Mapping[str, tuple[str, str]] = field(default_factory=lambda: NAMES)
    columns: Sequence[str] = LEAGUE


@page(router, "/console/league", "league.html")
async def league(visit: Visit) -> League | Response:
    if visit.query("by") == By.DEPARTMENT:
        return await _of_departments(visit)
    async with visit.reading() as session:
        found = await statistics.told(session, visit.principal, days(visit), By.REGION, LEAGUE)
    drawing = maps.of(visit.using.settings.map_file)
    asked = visit.query("city") or ""
    city = asked if asked in {city_of(code) for code in drawing.shapes} else ""
    shown = of_divisions(found.items, city)
    period = Period(found.from_, found.to)
    today = shows_today(visit, found.to)
    map_ = drawn(drawing, shown, city)
    return League(period, shown, By.REGION, map_, city, name_of(city), today)


async def _of_departments(visit: Visit) -> League | Response:
    period = days(visit).period(visit.now)
    first, most = visit.paging.first, visit.paging.limit
    if visit.is_export:
        first, most = 0, BOOK_MAX
    async with visit.reading() as session:
        ranks = await figures.league(
            session, visit.principal, period, first=first, most=most + 1, now=visit.now
        )
        names = await directory.departments(session, {each.department for each in ranks})
    shown = ranked(ranks[:most], names)
    if visit.is_export:
        return await _book(shown)
    today = shows_today(visit, period.to)
    cursor = paging.encode(str(first + most)) if len(ranks) > most else None
    return League(period, shown, By.DEPARTMENT, None, "", "", today, first, cursor)


async def _book(shown: Sequence[Standing]) -> Response:
    rows = [_cells(place, each) for place, each in enumerate(shown, 1)]
    names = [NAMES[id_][0] for id_ in LEAGUE]
    return statistics.book("时限榜", await asyncio.to_thread(sheets.league, names, rows))


def _cells(place: int, standing: Standing) -> Sequence[object]:
    shares = [standing.shown.get(each, NOTHING) for each in LEAGUE]
    return (
        place if standing.due else None,
        standing.group,
        standing.name,
        standing.kept,
        standing.due,
        standing.percent,
        *(number for share in shares for number in (share.numerator, share.denominator)),
    )


def of_divisions(items: Sequence[IndicatorView], city: str) -> Sequence[Standing]:
    """Return the cities, each with all below it; or the parts of one city; pure."""
    below = [each for each in standings(items) if not city or city_of(each.group) == city]
    if city:
        return below
    groups: dict[str, list[Standing]] = {}
    for each in below:
        group = each.group if each.group in ABOVE_CITIES else city_of(each.group)
        groups.setdefault(group, []).append(each)
    return merged({(code, name_of(code)): parts for code, parts in groups.items()})
