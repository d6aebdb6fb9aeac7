"""Sources (数源): claimed by departments, designated by the authority (Order 809 Art 19, P1).

The first claim on an element in a region is `claimed`. One that comes while another is open, or
while a source is active there, is `contested`; the earlier one keeps its status, and the authority
sees both. The partial unique index `source_one_active` alone decides that one source is active;
the lock on the element only brings the deciders into an order.
"""

from collections.abc import Collection
from datetime import datetime

from auth.errors import NotYourDepartment
from auth.principal import Principal, Role, covers
from catalog import elements
from catalog.errors import ClaimExists, SourceExists
from catalog.events import CatalogEvent
from catalog.rules.divisions import ancestors, canonical, nearest
from catalog.states import SOURCE_NEXT, Decision, SourceStatus, step
from catalog.store import elements as element_store
from catalog.store import sources as store
from catalog.store.rows import add_once
from catalog.tables import Source
from kernel import outbox
from kernel.audit import record
from kernel.database import ReadSession, WriteSession
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.paging import Page, PageRequest

EVENTS = {
    Decision.DESIGNATE: CatalogEvent.SOURCE_DESIGNATED,
    Decision.REJECT: CatalogEvent.SOURCE_REJECTED,
    Decision.REPLACE: CatalogEvent.SOURCE_DESIGNATED,
}


async def claim(
    session: WriteSession,
    principal: Principal,
    element: str,
    *,
    region_code: str,
    legal_basis: str,
    now: datetime,
) -> Source:
    """Claim to be the source in a region of one's own; raises ClaimExists for a second claim."""
    principal.require_role(Role.HEAD)
    region = canonical(region_code)
    if not covers(principal.region_code, region):
        raise NotYourDepartment
    if await element_store.lock(session, element) is None:
        raise NotFound
    source = Source(
        id=new_id(),
        element=element,
        region_code=region,
        department=principal.department,
        status=await _status_of_claim(session, element, region),
        legal_basis=legal_basis,
        claimed_by=principal.id,
        claimed_at=now,
    )
    if not await add_once(session, source):
        raise ClaimExists
    _record_claim(session, principal, source)
    return source


async def _status_of_claim(session: ReadSession, element: str, region: str) -> SourceStatus:
    rivals = await store.rivals(session, element, region)
    return SourceStatus.CONTESTED if rivals else SourceStatus.CLAIMED


def _record_claim(session: WriteSession, principal: Principal, source: Source) -> None:
    contested = source.status == SourceStatus.CONTESTED
    record(
        session,
        principal.actor,
        CatalogEvent.SOURCE_CONTESTED if contested else CatalogEvent.SOURCE_CLAIMED,
        "source",
        source.id,
        element=source.element,
        region_code=source.region_code,
    )


async def decide(
    session: WriteSession,
    principal: Principal,
    source_id: str,
    decision: Decision,
    *,
    reason: str | None = None,
    now: datetime,
) -> Source:
    """Designate, reject or replace; SourceExists when another source is active in the region.

    `replace` ends the active source, if there is one, in the same transaction.
    """
    source = await session.get(Source, source_id)
    if source is None:
        raise NotFound
    principal.require_authority(source.region_code)
    await element_store.lock(session, source.element)
    await session.refresh(source)
    to = step(SOURCE_NEXT, SourceStatus(source.status), decision)
    if decision is Decision.REPLACE:
        await _end_active(session, principal, source, now=now)
    facts = {"decided_by": principal.id, "decided_at": now, "reason": reason}
    if not await store.move(session, source, to, **facts):
        raise SourceExists
    _announce(session, principal, source, decision)
    return source


async def _end_active(
    session: WriteSession, principal: Principal, by: Source, *, now: datetime
) -> None:
    ended = await store.end_active(session, by.element, by.region_code, now=now)
    if ended is not None:
        record(
            session,
            principal.actor,
            CatalogEvent.SOURCE_REPLACED,
            "source",
            ended,
            element=by.element,
            region_code=by.region_code,
            replaced_by=by.id,
        )


def _announce(
    session: WriteSession, principal: Principal, source: Source, decision: Decision
) -> None:
    facts = {
        "element": source.element,
        "region_code": source.region_code,
        "department": source.department,
    }
    record(
        session,
        principal.actor,
        EVENTS[decision],
        "source",
        source.id,
        **facts,
        reason=source.reason,
    )
    if source.status == SourceStatus.ACTIVE:
        outbox.add(session, CatalogEvent.SOURCE_DESIGNATED, source.element, facts)


async def get(session: ReadSession, source_id: str) -> Source:
    source = await session.get(Source, source_id)
    if source is None:
        raise NotFound
    return source


async def find(
    session: ReadSession,
    element: str,
    page: PageRequest,
    *,
    region_code: str | None = None,
    status: SourceStatus | None = None,
) -> Page[Source]:
    await elements.get(session, element)
    region = None if region_code is None else canonical(region_code)
    return await store.find(session, element, region, status, page)


async def source_of(session: ReadSession, element: str, region_code: str) -> Source | None:
    """Return the region's own active source, else its nearest ancestor's."""
    return (await sources_of(session, [element], region_code)).get(element)


async def sources_of(
    session: ReadSession, wanted: Collection[str], region_code: str
) -> dict[str, Source]:
    """Return the source of each element in the region, where there is one."""
    regions = [canonical(region_code), *ancestors(region_code)]
    by_element: dict[str, dict[str, Source]] = {}
    for source in await store.active(session, wanted, regions):
        by_element.setdefault(source.element, {})[source.region_code] = source
    found = {}
    for element, by_region in by_element.items():
        region = nearest(region_code, by_region)
        if region is not None:
            found[element] = by_region[region]
    return found
