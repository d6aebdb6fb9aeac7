"""Sources: `/v1/elements/{code}/sources` and `/v1/sources` (`api.md` section 3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from auth.directory import Member
from auth.principal import Principal, Role, Scope
from catalog import sources, states
from catalog.sources import Criteria
from catalog.states import Decision, SourceStatus
from gateway import names
from gateway.api.registry import CodeInPath, Prose, Region, RegionInForce
from gateway.lists import ListOf, Paging
from gateway.names import Fields
from gateway.next_steps import NextStep, by_role
from gateway.once import Acting, Once, creating
from gateway.principal import CatalogReader, CatalogWriter
from gateway.services import Reading, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.errors import NotFound
from kernel.wire import Wire

router = APIRouter(prefix="/v1", tags=["sources"])

Creating = Annotated[Once, Depends(creating(Scope.CATALOG_WRITE, Role.HEAD))]

# In which role a field's person acted.
ROLES = {"claimed_by": "head", "decided_by": "authority"}
Exact = Annotated[str | None, Query(max_length=64)]
RegionQuery = Annotated[RegionInForce, Query(description="行政区划代码 / division code")]
SourceId = Annotated[str, Path(min_length=1, max_length=64)]


class ClaimIn(Wire):
    region_code: Region
    legal_basis: Prose


class DecisionIn(Wire):
    reason: Prose | None = None


class EndingIn(Wire):
    reason: Prose


class SourceView(Wire):
    """Who claimed and who decided is named to their department, its authority and auditors."""

    id: str
    element: str
    element_name: str | None
    region_code: str
    department: str
    department_name: str | None
    status: SourceStatus
    legal_basis: str
    claimed_by: str | None
    claimed_by_name: str | None
    claimed_by_role: str | None
    claimed_by_department: str | None
    claimed_by_department_name: str | None
    claimed_at: datetime
    decided_by: str | None
    decided_by_name: str | None
    decided_by_role: str | None
    decided_by_department: str | None
    decided_by_department_name: str | None
    decided_at: datetime | None
    reason: str | None
    ended_at: datetime | None
    next: list[NextStep]


async def views(
    session: ReadSession, principal: Principal, found: Sequence[BaseModel]
) -> list[SourceView]:
    shown: list[Fields] = [source.model_dump() for source in found]
    for each in shown:
        each["next"] = _next(SourceStatus(each["status"]))
    await names.add(session, shown)
    await names.add_people(session, principal, shown, ROLES, _role)
    return [SourceView.model_validate(each) for each in shown]


def _role(view: Fields, field: str, _member: Member) -> str | None:
    withdrawn = field == "decided_by" and view["status"] == SourceStatus.WITHDRAWN
    return ROLES["claimed_by"] if withdrawn else ROLES[field]


def _next(status: SourceStatus) -> list[NextStep]:
    possible = states.allowed(states.SOURCE_NEXT, status)
    return by_role(possible, states.SOURCE_ROLES)


class Deciding:
    """Decides about a claim, and answers the same again to its Idempotency-Key."""

    def __init__(self, session: Writing, principal: CatalogWriter, once: Acting) -> None:
        self._session, self._principal, self._once = session, principal, once

    async def __call__(
        self, source_id: str, decision: Decision, body: DecisionIn | EndingIn | None
    ) -> SourceView:
        reason = None if body is None else body.reason
        source = await sources.decide(
            self._session, self._principal, source_id, decision, reason=reason, now=clock.now()
        )
        return await self._once.keep((await views(self._session, self._principal, [source]))[0])


Decide = Annotated[Deciding, Depends()]


@router.post("/elements/{code}/sources", status_code=201)
async def claim(
    code: CodeInPath, body: ClaimIn, once: Creating, session: Writing, principal: CatalogWriter
) -> SourceView:
    """认责：申报为某数据元在某区划的数源 / claim to be the source of an element."""
    source = await sources.claim(session, principal, code, **body.model_dump(), now=clock.now())
    return await once.keep((await views(session, principal, [source]))[0])


@router.get("/elements/{code}/sources")
async def find(
    code: CodeInPath,
    session: Reading,
    principal: CatalogReader,
    page: Paging,
    region_code: RegionQuery | None = None,
    status: SourceStatus | None = None,
) -> ListOf[SourceView]:
    """数据元的各项数源申报 / the claims to an element, by division."""
    found = await sources.find(session, code, page, region_code=region_code, status=status)
    items = await views(session, principal, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/elements/{code}/source")
async def resolve(
    code: CodeInPath, session: Reading, principal: CatalogReader, region_code: RegionQuery
) -> SourceView:
    """该区划的数源；没有时为最近上级的 / the region's own source, else its nearest ancestor's."""
    source = await sources.source_of(session, code, region_code)
    if source is None:
        raise NotFound
    return (await views(session, principal, [source]))[0]


@router.get("/sources")
async def search(
    session: Reading,
    principal: CatalogReader,
    page: Paging,
    *,
    status: SourceStatus | None = None,
    department: Exact = None,
    element: Exact = None,
    region_code: RegionQuery | None = None,
) -> ListOf[SourceView]:
    """全部认责与数源，例如有争议的 / claims and sources of all elements, the contested ones say."""
    criteria = Criteria(
        status=status, department=department, element=element, region_code=region_code
    )
    found = await sources.search(session, criteria, page)
    items = await views(session, principal, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/sources/{source_id}")
async def get(source_id: SourceId, session: Reading, principal: CatalogReader) -> SourceView:
    """一项数源 / one claim or source."""
    return (await views(session, principal, [await sources.get(session, source_id)]))[0]


@router.post("/sources/{source_id}/designate")
async def designate(
    source_id: SourceId, decide: Decide, body: DecisionIn | None = None
) -> SourceView:
    """指定数源 / designate the one source; by the authority (Art 18)."""
    return await decide(source_id, Decision.DESIGNATE, body)


@router.post("/sources/{source_id}/reject")
async def reject(source_id: SourceId, decide: Decide, body: DecisionIn | None = None) -> SourceView:
    """不予认定 / reject a claim; by the authority."""
    return await decide(source_id, Decision.REJECT, body)


@router.post("/sources/{source_id}/replace")
async def replace(
    source_id: SourceId, decide: Decide, body: DecisionIn | None = None
) -> SourceView:
    """指定为数源，原数源同时终止 / designate, ending the active source at the same moment."""
    return await decide(source_id, Decision.REPLACE, body)


@router.post("/sources/{source_id}/withdraw")
async def withdraw(source_id: SourceId, decide: Decide, body: EndingIn) -> SourceView:
    """认责部门撤回未了结的认责 / the claimant takes back a claim that is not decided."""
    return await decide(source_id, Decision.WITHDRAW, body)


@router.post("/sources/{source_id}/end")
async def end(source_id: SourceId, decide: Decide, body: EndingIn) -> SourceView:
    """终止数源，区划改由最近上级的数源负责 / end a source; the nearest ancestor's serves."""
    return await decide(source_id, Decision.END, body)
