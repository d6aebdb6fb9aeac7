"""`/v1/stats`: what an authority looks at, of its division; heads of their own department."""

import asyncio
from collections.abc import Collection
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from auth.principal import Principal
from exchange.supervision import figures, scope
from exchange.supervision.figures import By, FlowBy, Period
from exchange.supervision.indicators import INDICATORS
from exchange.violations import register as violations
from exchange.violations.types import Type
from gateway.api import statistics_shapes as shapes
from gateway.api import violation_shapes
from gateway.api.statistics_shapes import (
    CaseView,
    FlowList,
    IndicatorList,
    ViolationCount,
    ViolationCounts,
)
from gateway.api.violation_shapes import ViolationView
from gateway.downloads import attachment
from gateway.lists import ListOf, Paging
from gateway.principal import CatalogReader
from gateway.services import Reading
from gateway.workbooks import figures as sheets
from gateway.workbooks.importing import XLSX
from kernel import clock
from kernel.database import ReadSession
from kernel.errors import BadRequest

router = APIRouter(prefix="/v1/stats", tags=["statistics"])

FirstDay = Annotated[date | None, Query(alias="from", description="首日 / first day")]
LastDay = Annotated[date | None, Query(description="末日 / last day")]
Article = Annotated[Literal["39", "40", "41"] | None, Query()]
Grouped = Annotated[By | None, Query()]
FlowsBy = Annotated[FlowBy, Query()]
BOOK: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {XLSX: {}}}}


class Asked:
    """The days of a question, both inclusive; the last thirty where none are named."""

    def __init__(self, from_: FirstDay = None, to: LastDay = None) -> None:
        self.from_, self.to = from_, to

    def period(self, now: datetime) -> Period:
        return figures.period(self.from_, self.to, now)


Days = Annotated[Asked, Depends()]


def _book(name: str, content: bytes) -> Response:
    headers = {"Content-Disposition": attachment(f"{name}.xlsx")}
    return Response(content, media_type=XLSX, headers=headers)


async def told(
    session: ReadSession,
    principal: Principal,
    days: Asked,
    by: By | None,
    only: Collection[str] = INDICATORS.keys(),
) -> IndicatorList:
    """Return those indicators of a period, or each by its groups."""
    now = clock.now()
    period = days.period(now)
    found = await figures.indicators(session, principal, period, by, now=now, only=only)
    items = await shapes.indicators(session, found, by)
    return IndicatorList(from_=period.from_, to=period.to, items=items)


@router.get("/indicators")
async def indicators(
    session: Reading, principal: CatalogReader, days: Days, by: Grouped = None
) -> IndicatorList:
    """监督指标 / the indicators of a period, or each by department, region or month."""
    return await told(session, principal, days, by)


@router.get("/indicators.xlsx", response_class=Response, responses=BOOK)
async def export_indicators(
    session: Reading, principal: CatalogReader, days: Days, by: Grouped = None
) -> Response:
    """指标工作簿 / the indicators as a workbook."""
    found = await told(session, principal, days, by)
    return _book("指标", await asyncio.to_thread(sheets.indicators, found.items))


@router.get("/indicators/cases")
async def list_cases(
    session: Reading,
    principal: CatalogReader,
    paging: Paging,
    days: Days,
    indicator: Annotated[str, Query(max_length=64)],
    met: Annotated[bool | None, Query()] = None,
) -> ListOf[CaseView]:
    """指标所依据的情形 / what an indicator was counted from, in the order of time."""
    if indicator not in INDICATORS:
        raise BadRequest(
            f"indicator 须为 {'、'.join(INDICATORS)} 之一",
            f"indicator is one of {', '.join(INDICATORS)}",
            parameter="indicator",
        )
    now = clock.now()
    chosen, period = INDICATORS[indicator], days.period(now)
    found = await figures.cases(session, principal, chosen, period, paging, met=met, now=now)
    items = await shapes.cases(session, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)


async def _violations(
    session: ReadSession, principal: Principal, days: Asked, article: str | None
) -> list[ViolationCount]:
    seen = violations.Scope(**scope.of(principal), from_=days.from_, to=days.to)
    rows = await violations.counted(session, seen, None if article is None else int(article))
    return await shapes.violations(session, rows)


@router.get("/violations")
async def count_violations(
    session: Reading, principal: CatalogReader, days: Days, article: Article = None
) -> ViolationCounts:
    """条例第三十九至四十一条的违规，每类一行 / violations, one type a row; ever, without days."""
    return ViolationCounts(items=await _violations(session, principal, days, article))


@router.get("/violations.xlsx", response_class=Response, responses=BOOK)
async def export_violations(
    session: Reading, principal: CatalogReader, days: Days, article: Article = None
) -> Response:
    """违规情形工作簿 / the violations as a workbook."""
    rows = await _violations(session, principal, days, article)
    return _book("违规", await asyncio.to_thread(sheets.violations, rows))


@router.get("/violations/cases")
async def list_violations(
    session: Reading,
    principal: CatalogReader,
    paging: Paging,
    days: Days,
    type_: Annotated[Type | None, Query(alias="type")] = None,
) -> ListOf[ViolationView]:
    """逐项列出违规 / the violations one by one."""
    seen = violations.Scope(**scope.of(principal), from_=days.from_, to=days.to)
    found = await violations.cases(session, seen, type_, paging)
    items = await violation_shapes.views(session, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)


async def _flows(session: ReadSession, principal: Principal, days: Asked, by: FlowBy) -> FlowList:
    now = clock.now()
    period = days.period(now)
    rows = await figures.flows(session, principal, period, by, now=now)
    items = await shapes.flows(session, rows, by)
    return FlowList(from_=period.from_, to=period.to, items=items)


@router.get("/flows")
async def flows(
    session: Reading, principal: CatalogReader, days: Days, by: FlowsBy = FlowBy.DEPARTMENT
) -> FlowList:
    """部门或地区之间的数据流向 / who delivered how much to whom, the most records first."""
    return await _flows(session, principal, days, by)


@router.get("/flows.xlsx", response_class=Response, responses=BOOK)
async def export_flows(
    session: Reading, principal: CatalogReader, days: Days, by: FlowsBy = FlowBy.DEPARTMENT
) -> Response:
    """数据流向工作簿 / the flows as a workbook."""
    found = await _flows(session, principal, days, by)
    return _book("流向", await asyncio.to_thread(sheets.flows, found.items))
