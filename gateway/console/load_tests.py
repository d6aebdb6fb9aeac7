"""运行 · 压测报告: what the last load tests measured, in words, figures and drawings."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from auth.principal import Role
from gateway.console import load_reports
from gateway.console.load_reports import P99, RATE, Case, Curve, Listed, Report, Spread
from gateway.console.pages import page
from gateway.console.series import HEIGHT, WIDTH, path
from gateway.console.visit import Visit

router = APIRouter()
ADDRESS = "/console/status/load-tests"


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a drawing: its figures, and where they lie, in percent of the greatest."""

    label: str
    own: bool
    spread: Spread
    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A case with its rate round by round, as a line; empty for a single round."""

    case: Case
    rate: Spread
    p99: Spread
    line: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A curve from nought, so that a drift looks as large as it is."""

    name: str
    most: float
    minutes: float
    line: str


@dataclass(frozen=True, slots=True)
class LoadTests:
    """`name` is that of the report that is shown; there may be none. `told` is whether to look."""

    told: bool
    reports: Sequence[Listed]
    name: str
    report: Report | None
    cases: Sequence[Shown]
    rates: Sequence[tuple[str, Sequence[Bar]]]
    latencies: Sequence[tuple[str, Sequence[Bar]]]
    curves: Sequence[Drawn]
    width: int = WIDTH
    height: int = HEIGHT


@page(router, ADDRESS, "load_tests.html")
async def newest(visit: Visit) -> LoadTests:
    return await _shown(visit, "")


@page(router, f"{ADDRESS}/{{name}}", "load_tests.html")
async def chosen(visit: Visit) -> LoadTests:
    return await _shown(visit, visit.part("name"))


async def _shown(visit: Visit, name: str) -> LoadTests:
    visit.principal.require_role(Role.OPERATOR)
    folder = visit.using.settings.reports_dir
    reports = await asyncio.to_thread(load_reports.listed, folder)
    report: Report | None = None
    if name:
        report = await asyncio.to_thread(load_reports.one, folder, name)
    elif reports:
        name, report = reports[0].name, reports[0].report
    cases = () if report is None else report.cases
    return LoadTests(
        told=folder is not None,
        reports=reports,
        name=name,
        report=report,
        cases=[_case(each) for each in cases],
        rates=bars(cases, RATE),
        latencies=bars(cases, P99),
        curves=[] if report is None else [drawn(each) for each in report.curves],
    )


def _case(case: Case) -> Shown:
    runs = case.runs.get(RATE, ())
    line = path(range(len(runs)), runs, max(runs)) if len(runs) > 1 and max(runs) > 0 else ""
    return Shown(case, case.spread_of(RATE), case.spread_of(P99), line)


def drawn(curve: Curve) -> Drawn:
    most = max(curve.megabytes, default=0.0)
    line = path(curve.seconds, curve.megabytes, most) if most > 0 else ""
    return Drawn(curve.name, most, curve.seconds[-1] / 60, line)


def bars(cases: Sequence[Case], figure: str) -> Sequence[tuple[str, Sequence[Bar]]]:
    """Return the bars of each name of a case, against the greatest of that name; pure."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        if case.spread_of(figure).most > 0:
            groups.setdefault(case.name, []).append(case)
    return [(name, _bars(found, figure)) for name, found in groups.items()]


def _bars(group: Sequence[Case], figure: str) -> Sequence[Bar]:
    top = max(each.spread_of(figure).most for each in group)
    return [_bar(case, case.spread_of(figure), top) for case in group]


def _bar(case: Case, spread: Spread, top: float) -> Bar:
    median, least, most = (
        round(max(0.0, min(100.0, 100 * value / top)), 1)
        for value in (spread.median, spread.least, spread.most)
    )
    label = " · ".join(dict.fromkeys((case.system, case.generator)))
    return Bar(label, case.system == "shuyuan", spread, median, least, most)
