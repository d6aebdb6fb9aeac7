"""监督: who delivers how much to whom (Order 809 Art 38)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter

from exchange.supervision.figures import FlowBy
from gateway.api import statistics
from gateway.api.statistics_shapes import FlowList, FlowView
from gateway.console.pages import page
from gateway.console.sankey import Link, Sankey, sankey
from gateway.console.supervision import days, shows_today
from gateway.console.visit import Visit

router = APIRouter()
MEASURES: Final = ("records", "answers", "bytes")


@dataclass(frozen=True, slots=True)
class Flow:
    """One row: both sides by name, and its share of the greatest, for the bar."""

    provider: str
    consumer: str
    flow: FlowView
    percent: float


@dataclass(frozen=True, slots=True)
class Flows:
    """The table tells all; the drawing shows the greatest of it by `measure`."""

    period: FlowList
    rows: Sequence[Flow]
    drawing: Sankey | None
    by: str
    measure: str
    today: bool
    measures: Sequence[str] = MEASURES


@page(router, "/console/flows", "flows.html")
async def flows(visit: Visit) -> Flows:
    by = FlowBy.REGION if visit.query("by") == FlowBy.REGION else FlowBy.DEPARTMENT
    asked = visit.query("measure") or ""
    measure = asked if asked in MEASURES else MEASURES[0]
    async with visit.reading() as session:
        found = await statistics.flows(session, visit.principal, days(visit), by)
    rows = _rows(found.items, measure)
    today = shows_today(visit, found.to)
    return Flows(found, rows, drawn(found.items, measure), by, measure, today)


def _sides(flow: FlowView) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return key and name of both sides."""
    provider = flow.provider_department or flow.provider_region or ""
    consumer = flow.consumer_department or flow.consumer_region or ""
    return (
        (provider, flow.provider_name or flow.provider_region_name or provider),
        (consumer, flow.consumer_name or flow.consumer_region_name or consumer),
    )


def _rows(items: Sequence[FlowView], measure: str) -> list[Flow]:
    most = max((getattr(each, measure) for each in items), default=0) or 1
    ordered = sorted(items, key=lambda each: -getattr(each, measure))
    return [
        Flow(
            _sides(each)[0][1],
            _sides(each)[1][1],
            each,
            round(100 * getattr(each, measure) / most, 1),
        )
        for each in ordered
    ]


def drawn(items: Sequence[FlowView], measure: str) -> Sankey | None:
    """Draw what flows between departments, or divisions; pure."""
    names: dict[str, str] = {}
    links = []
    for each in items:
        provider, consumer = _sides(each)
        for key, name in (provider, consumer):
            names[key] = name if name != key else names.get(key, key)
        links.append(Link(provider[0], consumer[0], getattr(each, measure)))
    return sankey(links, names)
