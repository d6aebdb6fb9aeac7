"""Wire shapes of indicators, their cases, and flows, with names."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Final

from pydantic import Field

from auth.regions import register
from exchange.supervision.figures import By, Case, Figure, Flow, FlowBy
from exchange.violations.register import Count
from exchange.violations.types import Type
from gateway import names
from gateway.api import violation_shapes
from gateway.api.violation_shapes import ViolationView
from gateway.names import Fields
from kernel.database import ReadSession
from kernel.wire import Wire

# A workbook has tens of thousands; others wait while some of them are named.
AT_ONCE: Final = 500
FirstDay = Annotated[date, Field(serialization_alias="from")]


class IndicatorView(Wire):
    """`group` is a USCC, a division or a month; a count has no denominator."""

    id: str
    name: str
    name_en: str
    formula: str
    formula_en: str
    group: str | None
    group_name: str | None
    numerator: int
    denominator: int | None
    value: float | None


class IndicatorList(Wire):
    """Without groups there is one page of them."""

    from_: FirstDay
    to: date
    items: list[IndicatorView]
    next_cursor: str | None


class CaseView(Wire):
    """`met` cases are in the numerator, by their `amount`."""

    department: str | None
    department_name: str | None
    region_code: str
    at: datetime
    thing: str
    thing_id: str
    amount: int
    met: bool


class FlowView(Wire):
    """By department the regions are absent, by region the departments."""

    provider_department: str | None = None
    provider_name: str | None = None
    consumer_department: str | None = None
    consumer_name: str | None = None
    provider_region: str | None = None
    provider_region_name: str | None = None
    consumer_region: str | None = None
    consumer_region_name: str | None = None
    answers: int
    records: int
    bytes: int


class FlowList(Wire):
    from_: FirstDay
    to: date
    items: list[FlowView]
    next_cursor: str | None


class ViolationCount(Wire):
    """`cases` are the newest twenty; `/v1/stats/violations/cases` pages all."""

    type: Type
    article: int
    name: str
    name_en: str
    count: int
    cases: list[ViolationView]


class ViolationCounts(Wire):
    items: list[ViolationCount]


async def indicators(
    session: ReadSession, figures: Sequence[Figure], by: By | None
) -> list[IndicatorView]:
    """Return figures with the names of their groups."""
    views: list[IndicatorView] = []
    for start in range(0, len(figures), AT_ONCE):
        views += await _indicators(session, figures[start : start + AT_ONCE], by)
    return views


async def _indicators(
    session: ReadSession, figures: Sequence[Figure], by: By | None
) -> list[IndicatorView]:
    named = await _group_names(session, figures, by)
    return [
        IndicatorView(
            id=each.indicator.id,
            name=each.indicator.name,
            name_en=each.indicator.name_en,
            formula=each.indicator.formula,
            formula_en=each.indicator.formula_en,
            group=each.group,
            group_name=named.get(each.group or ""),
            numerator=each.numerator,
            denominator=each.denominator,
            value=each.value,
        )
        for each in figures
    ]


async def _group_names(
    session: ReadSession, figures: Sequence[Figure], by: By | None
) -> dict[str, str | None]:
    groups = sorted({each.group for each in figures if each.group is not None})
    if by is By.REGION:
        return {code: region_name(code) for code in groups}
    if by is not By.DEPARTMENT:
        return {}
    views: list[Fields] = [{"department": uscc} for uscc in groups]
    await names.add(session, views)
    return {view["department"]: view["department_name"] for view in views}


def region_name(code: str) -> str | None:
    division = register.find(code)
    return None if division is None else division.name


async def cases(session: ReadSession, rows: Sequence[Case]) -> list[CaseView]:
    views: list[Fields] = [
        {
            "department": row.department,
            "region_code": row.region_code,
            "at": row.at,
            "thing": row.thing,
            "thing_id": row.thing_id,
            "amount": row.amount,
            "met": row.met,
        }
        for row in rows
    ]
    await names.add(session, views)
    return [CaseView.model_validate(view) for view in views]


async def flows(session: ReadSession, rows: Sequence[Flow], by: FlowBy) -> list[FlowView]:
    """Return flows with the names of both sides."""
    views: list[FlowView] = []
    for start in range(0, len(rows), AT_ONCE):
        views += await _flows(session, rows[start : start + AT_ONCE], by)
    return views


async def _flows(session: ReadSession, rows: Sequence[Flow], by: FlowBy) -> list[FlowView]:
    sums = [{"answers": row.answers, "records": row.records, "bytes": row.bytes_} for row in rows]
    views: list[Fields] = []
    for row, numbers in zip(rows, sums, strict=True):
        if by is FlowBy.DEPARTMENT:
            sides = {"provider_department": row.provider, "consumer_department": row.consumer}
        else:
            sides = {"provider_region": row.provider, "consumer_region": row.consumer}
        views.append({**sides, **numbers})
    if by is FlowBy.DEPARTMENT:
        await names.add(session, views)
    else:
        for view in views:
            view["provider_region_name"] = region_name(view["provider_region"])
            view["consumer_region_name"] = region_name(view["consumer_region"])
    return [FlowView.model_validate(view) for view in views]


async def violations(session: ReadSession, rows: Sequence[Count]) -> list[ViolationCount]:
    shown = await violation_shapes.views(session, [each for row in rows for each in row.newest])
    by_id = {each.id: each for each in shown}
    return [
        ViolationCount(
            type=row.type,
            article=row.rule.article,
            name=row.rule.zh,
            name_en=row.rule.en,
            count=row.count,
            cases=[by_id[each.id] for each in row.newest],
        )
        for row in rows
    ]
