"""Sources: `/v1/elements/{code}/sources` and `/v1/sources` (`api.md` section 3)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from auth.principal import Principal, Role, Scope
from catalog import sources
from catalog.states import Decision, SourceStatus
from gateway.api.registry import CodeInPath, Prose, Region
from gateway.lists import ListOf, Paging
from gateway.once import Once, creating
from gateway.principal import CatalogReader, CatalogWriter
from gateway.services import Reading, Writing
from kernel import clock
from kernel.database import WriteSession
from kernel.errors import NotFound
from kernel.wire import Wire

router = APIRouter(prefix="/v1", tags=["sources"])

Creating = Annotated[Once, Depends(creating(Scope.CATALOG_WRITE, Role.HEAD))]

RegionQuery = Annotated[Region, Query(description="行政区划代码 / division code")]
SourceId = Annotated[str, Path(min_length=1, max_length=64)]


class ClaimIn(Wire):
    region_code: Region
    legal_basis: Prose


class DecisionIn(Wire):
    reason: Prose | None = None


class SourceView(Wire):
    id: str
    element: str
    region_code: str
    department: str
    status: SourceStatus
    legal_basis: str
    claimed_by: str
    claimed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    ended_at: datetime | None


@router.post("/elements/{code}/sources", status_code=201)
async def claim(
    code: CodeInPath, body: ClaimIn, once: Creating, session: Writing, principal: CatalogWriter
) -> SourceView:
    """认责：申报为某数据元在某区划的数源 / claim to be the source of an element."""
    source = await sources.claim(session, principal, code, **body.model_dump(), now=clock.now())
    return await once.keep(SourceView.model_validate(source))


@router.get("/elements/{code}/sources")
async def find(
    code: CodeInPath,
    session: Reading,
    _: CatalogReader,
    page: Paging,
    region_code: RegionQuery | None = None,
    status: SourceStatus | None = None,
) -> ListOf[SourceView]:
    found = await sources.find(session, code, page, region_code=region_code, status=status)
    items = [SourceView.model_validate(row) for row in found.items]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/elements/{code}/source")
async def resolve(
    code: CodeInPath, session: Reading, _: CatalogReader, region_code: RegionQuery
) -> SourceView:
    """该区划的数源；没有时为最近上级的 / the region's own source, else its nearest ancestor's."""
    source = await sources.source_of(session, code, region_code)
    if source is None:
        raise NotFound
    return SourceView.model_validate(source)


@router.get("/sources/{source_id}")
async def get(source_id: SourceId, session: Reading, _: CatalogReader) -> SourceView:
    return SourceView.model_validate(await sources.get(session, source_id))


@router.post("/sources/{source_id}/designate")
async def designate(
    source_id: SourceId, session: Writing, principal: CatalogWriter, body: DecisionIn | None = None
) -> SourceView:
    return await _decide(session, principal, source_id, Decision.DESIGNATE, body)


@router.post("/sources/{source_id}/reject")
async def reject(
    source_id: SourceId, session: Writing, principal: CatalogWriter, body: DecisionIn | None = None
) -> SourceView:
    return await _decide(session, principal, source_id, Decision.REJECT, body)


@router.post("/sources/{source_id}/replace")
async def replace(
    source_id: SourceId, session: Writing, principal: CatalogWriter, body: DecisionIn | None = None
) -> SourceView:
    """指定为数源，原数源同时终止 / designate, ending the active source at the same moment."""
    return await _decide(session, principal, source_id, Decision.REPLACE, body)


async def _decide(
    session: WriteSession,
    principal: Principal,
    source_id: str,
    decision: Decision,
    body: DecisionIn | None,
) -> SourceView:
    reason = None if body is None else body.reason
    source = await sources.decide(
        session, principal, source_id, decision, reason=reason, now=clock.now()
    )
    return SourceView.model_validate(source)
