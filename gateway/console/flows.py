"""监督: who delivers how much to whom (Order 809 Art 38)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from exchange.supervision.figures import FlowBy, Measure
from gateway.api import statistics
from gateway.api.statistics_shapes import FlowList, FlowView
from gateway.console.pages import page
from gateway.console.sankey import Link, Sankey, sankey
from gateway.console.supervision import days, shows_today
from gateway.console.visit import Visit

router = APIRouter()
MEASURES: Final = tuple(map(str, Measure))


@dataclass(frozen=True, slots=True)
class Flow:
    """One row: both sides by name, and its share of the greatest, for the bar."""

    provider: str
    consumer: str
    flow: FlowView
    percent: float


@dataclass(frozen=True, slots=True)
class Flows:
    """The table tells all, page by page; the drawing of the first shows the greatest."""

    period: FlowList
    rows: Sequence[Flow]
    drawing: Sankey | None
    by: str
    measure: str
    today: bool
    next_cursor: str | None
    measures: Sequence[str] = MEASURES


@page(router, "/console/flows", "flows.html")
async def flows(visit: Visit) -> Flows | Response:
    by = FlowBy.REGION if visit.query("by") == FlowBy.REGION else FlowBy.DEPARTMENT
    asked = visit.query("measure") or ""
    measure = Measure(asked) if asked in MEASURES else Measure.RECORDS
    async with visit.reading() as session:
        to = session, visit.principal, days(visit), by
        if visit.is_export:
            return await statistics.export_flows(*to, measure)
        found, all_ = await statistics.flowing(*to, visit.paging, measure)
    rows = _rows(found.items, measure, all_.greatest)
    drawing = None if visit.paging.cursor else drawn(found.items, measure, all_.count)
    today = shows_today(visit, found.to)
    return Flows(found, rows, drawing, by, measure, today, found.next_cursor)


def _sides(flow: FlowView) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return key and name of both sides."""
    provider = flow.provider_department or flow.provider_region or ""
    consumer = flow.consumer_department or flow.consumer_region or ""
    return (
        (provider, flow.provider_name or flow.provider_region_name or provider),
        (consumer, flow.consumer_name or flow.consumer_region_name or consumer),
    )


def _rows(items: Sequence[FlowView], measure: str, greatest: int) -> list[Flow]:
    return [
        Flow(
            _sides(each)[0][1],
            _sides(each)[1][1],
            each,
            round(100 * getattr(each, measure) / (greatest or 1), 1),
        )
        for each in items
    ]


def drawn(items: Sequence[FlowView], measure: str, count: int = 0) -> Sankey | None:
    """Draw the greatest of `count` flows between departments, or divisions; pure."""
    names: dict[str, str] = {}
    links = []
    for each in items:
        provider, consumer = _sides(each)
        for key, name in (provider, consumer):
            names[key] = name if name != key else names.get(key, key)
        links.append(Link(provider[0], consumer[0], getattr(each, measure)))
    return sankey(links, names, count)
