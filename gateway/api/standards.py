"""`/v1/standards`: the standards that elements and code lists obey (`api.md` section 3)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from auth.principal import Role, Scope
from catalog import standards
from catalog.standards import NewStandard
from gateway.api.registry import Code, CodeInPath, Line, Words
from gateway.lists import ListOf, Paging
from gateway.once import Once, creating
from gateway.principal import CatalogReader, CatalogWriter
from gateway.services import Reading, Writing
from kernel import clock
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/standards", tags=["standards"])

Creating = Annotated[Once, Depends(creating(Scope.CATALOG_WRITE, Role.AUTHORITY))]


class StandardIn(Wire):
    code: Code
    title: Line
    edition: Line | None = None
    effective_from: Day | None = None


class StandardView(Wire):
    code: str
    title: str
    edition: str | None
    effective_from: Day | None
    created_at: datetime


@router.post("", status_code=201)
async def register(
    body: StandardIn, once: Creating, session: Writing, principal: CatalogWriter
) -> StandardView:
    """登记标准 / register a standard; by the authority."""
    new = NewStandard(**body.model_dump())
    standard = await standards.register(session, principal, new, now=clock.now())
    return await once.keep(StandardView.model_validate(standard))


@router.get("")
async def find(
    session: Reading, _: CatalogReader, page: Paging, q: Words = None
) -> ListOf[StandardView]:
    """标准列表 / the standards."""
    found = await standards.find(session, q, page)
    items = [StandardView.model_validate(row) for row in found.items]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{code:path}")
async def get(code: CodeInPath, session: Reading, _: CatalogReader) -> StandardView:
    """一项标准 / one standard."""
    return StandardView.model_validate(await standards.get(session, code))
