"""`/v1/stats`: what an authority looks at, of its division; heads of their own department."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from exchange.supervision import scope
from exchange.violations import register as violations
from exchange.violations.types import Type
from gateway.api import violation_shapes
from gateway.api.violation_shapes import ViolationView
from gateway.lists import ListOf, Paging
from gateway.principal import CatalogReader
from gateway.services import Reading
from kernel.wire import Wire

router = APIRouter(prefix="/v1/stats", tags=["statistics"])

FirstDay = Annotated[date | None, Query(alias="from", description="首日 / first day")]
LastDay = Annotated[date | None, Query(description="末日 / last day")]
Article = Annotated[Literal["39", "40", "41"] | None, Query()]


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


@router.get("/violations")
async def count_violations(
    session: Reading,
    principal: CatalogReader,
    *,
    article: Article = None,
    from_: FirstDay = None,
    to: LastDay = None,
) -> ViolationCounts:
    """条例第三十九至四十一条的违规，每类一行 / violations, one type a row."""
    whose = scope.of(principal)
    seen = violations.Scope(**whose, from_=from_, to=to)
    rows = await violations.counted(session, seen, None if article is None else int(article))
    shown = await violation_shapes.views(session, [each for row in rows for each in row.newest])
    by_id = {each.id: each for each in shown}
    return ViolationCounts(
        items=[
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
    )


@router.get("/violations/cases")
async def list_violations(
    session: Reading,
    principal: CatalogReader,
    paging: Paging,
    *,
    type_: Annotated[Type | None, Query(alias="type")] = None,
    from_: FirstDay = None,
    to: LastDay = None,
) -> ListOf[ViolationView]:
    """逐项列出违规 / the violations one by one."""
    seen = violations.Scope(**scope.of(principal), from_=from_, to=to)
    found = await violations.cases(session, seen, type_, paging)
    items = await violation_shapes.views(session, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)
