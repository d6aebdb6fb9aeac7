"""运行: how the platform is and what flows through this node, looked at again by itself."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter

from auth.principal import Scope
from gateway import flow_history
from gateway.api import status as api
from gateway.api.status import StatusView
from gateway.console.pages import page
from gateway.console.render import moment
from gateway.console.series import Series, series
from gateway.console.visit import Visit
from kernel import history

router = APIRouter()
ADDRESS: Final = "/console/status"
# Counters whose pace is shown: what the address calls them, and what the history does.
COUNTED: Final[Mapping[str, str]] = {
    "in": "in",
    "out": "out",
    "answers": "answers",
    "refusals": "refused",
}
POLLS: Final = "shuyuan_open_polls"
# Hours that are shown, with the minutes between two points.
SPANS: Final[Mapping[str, int]] = {"1": 1, "6": 5, "24": 15, "168": 60}
USUAL_SPAN: Final = "6"
CHARTS: Final = (
    ("flow", "per_second", ("in", "out")),
    ("latency", "milliseconds", ("p99_ms",)),
    ("trouble", "per_second", ("refused", "failed")),
    ("behind", "seconds", ("lag", "outbox")),
)
# Two looks that lie closer together tell no pace; further apart, none of now.
NEAR: Final = 1.0
FAR: Final = 300.0


@dataclass(frozen=True, slots=True)
class Pace:
    """What was counted since the processes began, and a second since the page was last looked at.

    `per_second` is None at the first look.
    """

    kind: str
    total: int
    per_second: float | None


@dataclass(frozen=True, slots=True)
class StatusPage:
    """`again` is where the page goes by itself, with what it has counted by now."""

    status: StatusView
    overdue: Mapping[str, int]
    paces: Sequence[Pace]
    p99_ms: float | None
    polls: int
    again: str
    charts: Sequence[Series]
    span: str
    spans: Sequence[str]


@page(router, ADDRESS, "status.html")
async def status(visit: Visit) -> StatusPage:
    visit.principal.require_scope(Scope.ADMIN)
    found = await api.status(visit.principal, visit.using)
    visit.using.metrics.write()
    # Adding up many workers takes a while, which a thread has.
    totals = await asyncio.to_thread(visit.using.metrics.totals)
    told = flow_history.gateway_told(totals)
    counted = {kind: float(told[name]) for kind, name in COUNTED.items()}
    at = visit.now.timestamp()
    asked = visit.query("span") or ""
    span = asked if asked in SPANS else USUAL_SPAN
    query = urlencode(
        {"span": span, "at": f"{at:.1f}", **{kind: int(n) for kind, n in counted.items()}}
    )
    return StatusPage(
        status=found,
        overdue={name: count for name, count in found.overdue.items() if count},
        paces=paces(counted, visit.request.query_params, at),
        p99_ms=flow_history.Point(visit.now, times=told["times"]).p99_ms,
        polls=int(flow_history.added_up(totals, POLLS)),
        again=f"{ADDRESS}?{query}",
        charts=await charts(visit, span),
        span=span,
        spans=list(SPANS),
    )


async def charts(visit: Visit, span: str) -> Sequence[Series]:
    """Draw what the platform has written down of the hours, all of its nodes together."""
    length, step = timedelta(hours=int(span)), timedelta(minutes=SPANS[span])
    async with visit.reading() as session:
        told = await history.moments(session, visit.now, length=length, step=step)
    found = flow_history.points(told, visit.now, length=length, step=step)
    times = [(int(each.at.timestamp()), moment(each.at)) for each in found]
    return [
        series(key, unit, times, [(name, [each.value(name) for each in found]) for name in names])
        for key, unit, names in CHARTS
    ]


def paces(counted: Mapping[str, float], before: Mapping[str, str], at: float) -> Sequence[Pace]:
    """Return each counter with its pace since the look that the address tells of; pure."""
    since = _number(before.get("at"))
    elapsed = None if since is None else at - since
    usable = elapsed is not None and NEAR <= elapsed <= FAR
    found = []
    for kind, total in counted.items():
        earlier = _number(before.get(kind))
        pace = None
        # A counter that runs backwards began anew with its process.
        if usable and elapsed and earlier is not None and earlier <= total:
            pace = round((total - earlier) / elapsed, 1)
        found.append(Pace(kind, int(total), pace))
    return found


def _number(text: str | None) -> float | None:
    """Return a finite number, None for anything else."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) < 1e18 else None  # noqa: PLR2004 - what a counter holds
