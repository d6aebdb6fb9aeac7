"""监督: the league of deadlines kept, that of divisions on the map too (Order 809 Art 38)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter

from auth.regions.codes import REGION, STATE
from exchange.supervision.figures import By
from exchange.supervision.indicators import INDICATORS
from gateway.api import statistics
from gateway.api.statistics_shapes import IndicatorList, IndicatorView
from gateway.console import maps
from gateway.console.chart_map import ChartMap, city_of, drawn, name_of
from gateway.console.pages import page
from gateway.console.standings import SHOWN, Standing, merged, standings
from gateway.console.supervision import days, shows_today
from gateway.console.visit import Visit

router = APIRouter()
ABOVE_CITIES: Final = frozenset({STATE, REGION})


@dataclass(frozen=True, slots=True)
class League:
    """Those that keep most of their deadlines first, those without any last.

    Divisions are cities with all that lies below them, or the parts of one `city` that is chosen.
    """

    period: IndicatorList
    standings: Sequence[Standing]
    names: Mapping[str, tuple[str, str]]
    by: str
    map: ChartMap | None
    city: str
    city_name: str
    today: bool
    columns: Sequence[str] = SHOWN


@page(router, "/console/league", "league.html")
async def league(visit: Visit) -> League:
    by = By.DEPARTMENT if visit.query("by") == By.DEPARTMENT else By.REGION
    async with visit.reading() as session:
        found = await statistics.told(session, visit.principal, days(visit), by, SHOWN)
    names = {each: (INDICATORS[each].name, INDICATORS[each].name_en) for each in SHOWN}
    today = shows_today(visit, found.to)
    if by is By.DEPARTMENT:
        return League(found, standings(found.items), names, by, None, "", "", today)
    drawing = maps.of(visit.using.settings.map_file)
    asked = visit.query("city") or ""
    city = asked if asked in {city_of(code) for code in drawing.shapes} else ""
    shown = of_divisions(found.items, city)
    return League(found, shown, names, by, drawn(drawing, shown, city), city, name_of(city), today)


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
