"""`/v1/stats`: what an authority looks at, of its division; heads of their own department."""

import asyncio
from collections.abc import Collection
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from auth.principal import Principal
from exchange.supervision import figures, scope
from exchange.supervision.figures import By, FlowBy, Measure, Period
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
from kernel.paging import PageRequest

router = APIRouter(prefix="/v1/stats", tags=["statistics"])

FirstDay = Annotated[date | None, Query(alias="from", description="首日 / first day")]
LastDay = Annotated[date | None, Query(description="末日 / last day")]
Article = Annotated[Literal["39", "40", "41"] | None, Query()]
Grouped = Annotated[By | None, Query()]
Chosen = Annotated[str | None, Query(max_length=64, alias="indicator")]
FlowsBy = Annotated[FlowBy, Query()]
FlowsMeasure = Annotated[Measure, Query(description="按何排序，大的在前 / the greatest first")]
BOOK: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {XLSX: {}}}}


class Asked:
    """The days of a question, both inclusive; the last thirty where none are named."""

    def __init__(self, from_: FirstDay = None, to: LastDay = None) -> None:
        self.from_, self.to = from_, to

    def period(self, now: datetime) -> Period:
        return figures.period(self.from_, self.to, now)


Days = Annotated[Asked, Depends()]


def book(name: str, content: bytes) -> Response:
    headers = {"Content-Disposition": attachment(f"{name}.xlsx")}
    return Response(content, media_type=XLSX, headers=headers)


async def told(
    session: ReadSession,
    principal: Principal,
    days: Asked,
    by: By | None,
    only: Collection[str] = INDICATORS.keys(),
) -> IndicatorList:
    """Return those indicators of a period, or each by all of its groups."""
    now = clock.now()
    period = days.period(now)
    found = await figures.indicators(session, principal, period, by, now=now, only=only)
    items = await shapes.indicators(session, found, by)
    return IndicatorList(from_=period.from_, to=period.to, items=items, next_cursor=None)


async def grouped(
    session: ReadSession,
    principal: Principal,
    days: Asked,
    by: By,
    paging: PageRequest,
    only: Collection[str] = INDICATORS.keys(),
) -> IndicatorList:
    """Return a page of those indicators, each by its groups."""
    now = clock.now()
    period = days.period(now)
    page = await figures.grouped(session, principal, period, by, paging, now=now, only=only)
    items = await shapes.indicators(session, page.items, by)
    return IndicatorList(
        from_=period.from_, to=period.to, items=items, next_cursor=page.next_cursor
    )


def known(indicator: str) -> str:
    """Return an indicator's id; raises BadRequest for what is none."""
    if indicator in INDICATORS:
        return indicator
    raise BadRequest(
        f"indicator 须为 {'、'.join(INDICATORS)} 之一",
        f"indicator is one of {', '.join(INDICATORS)}",
        parameter="indicator",
    )


def _only(indicator: str | None) -> Collection[str]:
    return INDICATORS.keys() if indicator is None else [known(indicator)]


@router.get("/indicators")
async def indicators(
    session: Reading,
    principal: CatalogReader,
    paging: Paging,
    days: Days,
    by: Grouped = None,
    indicator: Chosen = None,
) -> IndicatorList:
    """监督指标 / the indicators of a period, or pages of each by department, region or month."""
    only = _only(indicator)
    if by is None:
        return await told(session, principal, days, None, only)
    return await grouped(session, principal, days, by, paging, only)


@router.get("/indicators.xlsx", response_class=Response, responses=BOOK)
async def export_indicators(
    session: Reading,
    principal: CatalogReader,
    days: Days,
    by: Grouped = None,
    indicator: Chosen = None,
) -> Response:
    """指标工作簿 / the indicators with all of their groups as a workbook."""
    found = await told(session, principal, days, by, _only(indicator))
    return book("指标", await asyncio.to_thread(sheets.indicators, found.items))


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
    now = clock.now()
    chosen, period = INDICATORS[known(indicator)], days.period(now)
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
    return book("违规", await asyncio.to_thread(sheets.violations, rows))


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


async def flowing(
    session: ReadSession,
    principal: Principal,
    days: Asked,
    by: FlowBy,
    paging: PageRequest | None,
    measure: Measure = Measure.RECORDS,
) -> tuple[FlowList, figures.Flows]:
    """Return a page of flows, all of them without `paging`, and what all of them come to."""
    now = clock.now()
    period = days.period(now)
    found = await figures.flows(session, principal, period, by, paging, measure=measure, now=now)
    items = await shapes.flows(session, found.page.items, by)
    cursor = found.page.next_cursor
    return FlowList(from_=period.from_, to=period.to, items=items, next_cursor=cursor), found


@router.get("/flows")
async def flows(
    session: Reading,
    principal: CatalogReader,
    paging: Paging,
    days: Days,
    by: FlowsBy = FlowBy.DEPARTMENT,
    measure: FlowsMeasure = Measure.RECORDS,
) -> FlowList:
    """部门或地区之间的数据流向 / who delivered how much to whom, the most records first."""
    shown, _found = await flowing(session, principal, days, by, paging, measure)
    return shown


@router.get("/flows.xlsx", response_class=Response, responses=BOOK)
async def export_flows(
    session: Reading,
    principal: CatalogReader,
    days: Days,
    by: FlowsBy = FlowBy.DEPARTMENT,
    measure: FlowsMeasure = Measure.RECORDS,
) -> Response:
    """数据流向工作簿 / all flows as a workbook."""
    shown, _found = await flowing(session, principal, days, by, None, measure)
    return book("流向", await asyncio.to_thread(sheets.flows, shown.items))
