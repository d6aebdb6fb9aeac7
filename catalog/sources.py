"""Sources (数源): claimed by departments, designated by the authority (Order 809 Art 19, P1).

The first claim on an element in a region is `claimed`. One that comes while another is open, or
while a source is active there, is `contested`; the earlier one keeps its status, and the authority
sees both. Where one claim is left of a contest it is `claimed` again. The partial unique
index `source_one_active` alone decides that one source is active; the lock on the element only
brings the deciders into an order.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from auth import departments
from auth.errors import NotYourDepartment
from auth.principal import Principal, Role
from auth.regions import checking
from auth.regions.codes import canonical
from auth.regions.tree import ancestors, covers, current, nearest, spellings
from catalog import elements, losses
from catalog.errors import ClaimExists, DepartmentAbolished, SourceExists
from catalog.events import CatalogEvent
from catalog.states import (
    SOURCE_NEXT,
    SOURCE_ROLES,
    Decision,
    SourceStatus,
    step,
)
from catalog.store import elements as element_store
from catalog.store import sources as store
from catalog.store.bindings import Held
from catalog.store.rows import add_once
from catalog.store.sources import Criteria
from catalog.tables import Source
from kernel import outbox
from kernel.actor import Actor
from kernel.audit import record
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldErrors, NotFound
from kernel.ids import new_id
from kernel.paging import Page, PageRequest

__all__ = [
    "Criteria",
    "claim",
    "decide",
    "find",
    "forsake",
    "get",
    "require",
    "search",
    "settle_contest",
    "settle_losses",
    "source_of",
    "sources_of",
]

EVENTS = {
    Decision.DESIGNATE: CatalogEvent.SOURCE_DESIGNATED,
    Decision.REJECT: CatalogEvent.SOURCE_REJECTED,
    Decision.REPLACE: CatalogEvent.SOURCE_DESIGNATED,
    Decision.WITHDRAW: CatalogEvent.SOURCE_WITHDRAWN,
    Decision.END: CatalogEvent.SOURCE_ENDED,
}
# Decisions that change which source is active.
DECISIVE = (Decision.DESIGNATE, Decision.REPLACE, Decision.END)
TOLD_OUTSIDE = (SourceStatus.ACTIVE, SourceStatus.ENDED)


async def claim(
    session: WriteSession,
    principal: Principal,
    element: str,
    *,
    region_code: str,
    legal_basis: str,
    now: datetime,
) -> Source:
    """Claim to be the source in a region of one's own; raises ClaimExists for a second claim.

    Raises Invalid for a division that is not in force, with its successors.
    """
    principal.require_role(Role.HEAD)
    region = canonical(region_code)
    if not covers(principal.region_code, region):
        raise NotYourDepartment
    if await element_store.lock(session, element) is None:
        raise NotFound
    _check_region(region)
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


def _check_region(region_code: str) -> None:
    errors = FieldErrors()
    checking.check(region_code, errors)
    errors.raise_if_any()


async def _status_of_claim(session: ReadSession, element: str, region: str) -> SourceStatus:
    rivals = await store.rivals(session, element, region)
    return SourceStatus.CONTESTED if rivals else SourceStatus.CLAIMED


def _record_claim(session: WriteSession, principal: Principal, source: Source) -> None:
    contested = source.status == SourceStatus.CONTESTED
    event = CatalogEvent.SOURCE_CONTESTED if contested else CatalogEvent.SOURCE_CLAIMED
    _record(session, principal, event, source)


async def decide(
    session: WriteSession,
    principal: Principal,
    source_id: str,
    decision: Decision,
    *,
    reason: str | None = None,
    now: datetime,
) -> Source:
    """Decide about a claim or a source, or take one's own claim back.

    `replace` ends the active source, if there is one, in the same transaction. Raises NotFound,
    403 errors, IllegalTransition, SourceExists when another source is active in the region, and
    DepartmentAbolished.
    """
    source = await session.get(Source, source_id)
    if source is None:
        raise NotFound
    require(principal, decision, source)
    await element_store.lock(session, source.element)
    await session.refresh(source)
    to = step(SOURCE_NEXT, SourceStatus(source.status), decision)
    if to is SourceStatus.ACTIVE:
        await _require_standing(session, source.department)
    if decision is Decision.REPLACE:
        await _end_active(session, principal, source, now=now)
    if to is SourceStatus.ACTIVE:
        await _require_none_active(session, source)
    await _carry_out(session, principal, source, decision, to, reason=reason, now=now)
    return source


async def _carry_out(
    session: WriteSession,
    principal: Principal,
    source: Source,
    decision: Decision,
    to: SourceStatus,
    *,
    reason: str | None,
    now: datetime,
) -> None:
    """Write what was decided, and settle the contest that it may leave; SourceExists."""
    if not await store.move(session, source, to, **_facts(principal, decision, reason, now)):
        raise SourceExists
    _announce(session, principal, source, decision)
    await settle_contest(session, principal.actor, source.element, source.region_code)
    if decision in DECISIVE:
        await settle_losses(session, principal.actor, source.element, now=now)


def require(principal: Principal, decision: Decision, source: Source) -> None:
    """Raise RoleRequired or NotYourDepartment unless the caller may decide so."""
    if decision is Decision.WITHDRAW:
        principal.require_role(*SOURCE_ROLES[decision])
        principal.require_department(source.department)
    else:
        principal.require_authority(source.region_code)


async def _require_standing(session: ReadSession, uscc: str) -> None:
    if (await departments.load(session, uscc)).status != "active":
        raise DepartmentAbolished


async def _require_none_active(session: ReadSession, source: Source) -> None:
    """Raise SourceExists: the unique index knows the code of a division, not its successors."""
    rivals = await store.rivals(session, source.element, source.region_code)
    if any(rival.status == SourceStatus.ACTIVE for rival in rivals):
        raise SourceExists


def _facts(
    principal: Principal, decision: Decision, reason: str | None, now: datetime
) -> dict[str, Any]:
    facts: dict[str, Any] = {"decided_by": principal.id, "decided_at": now, "reason": reason}
    return facts | ({"ended_at": now} if decision in (Decision.WITHDRAW, Decision.END) else {})


async def settle_losses(
    session: WriteSession, actor: Actor, element: str, *, now: datetime
) -> None:
    """Find out which published resources have lost or regained their source of the element.

    Whoever changes which source is active calls this in the same transaction, the element locked.
    """
    held = await losses.published_with(session, element)
    sources = {
        region: await source_of(session, element, region)
        for region in {each.region_code for each in held}
    }
    lost = [each.resource_id for each in held if not _is_of(each, sources[each.region_code])]
    await losses.settle(session, actor, element, held, lost, now=now)


def _is_of(held: Held, source: Source | None) -> bool:
    return source is not None and source.department == held.department


async def settle_contest(
    session: WriteSession, actor: Actor, element: str, region_code: str
) -> None:
    """Call the one claim that is left of a contest `claimed`; the element is locked."""
    rivals = await store.rivals(session, element, region_code)
    if len(rivals) != 1 or rivals[0].status != SourceStatus.CONTESTED:
        return
    (left,) = rivals
    await store.move(session, left, SourceStatus.CLAIMED)
    event = CatalogEvent.SOURCE_UNCONTESTED
    record(session, actor, event, "source", left.id, **_where(left))


async def forsake(
    session: WriteSession, principal: Principal, department: str, *, reason: str, now: datetime
) -> list[str]:
    """End every claim and source of a department that is no more; return their elements."""
    lost = await store.standing_of(session, department)
    for source in lost:
        await element_store.lock(session, source.element)
        await session.refresh(source)
        status = SourceStatus(source.status)
        for decision in (Decision.END, Decision.WITHDRAW):
            if (to := SOURCE_NEXT.get((status, decision))) is not None:
                await _carry_out(session, principal, source, decision, to, reason=reason, now=now)
    return [source.element for source in lost]


async def _end_active(
    session: WriteSession, principal: Principal, by: Source, *, now: datetime
) -> None:
    for ended in await store.end_active(session, by.element, by.region_code, now=now):
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


def _record(
    session: WriteSession,
    principal: Principal,
    event: CatalogEvent,
    source: Source,
    **more: str | None,
) -> None:
    record(session, principal.actor, event, "source", source.id, **_where(source), **more)


def _where(source: Source) -> dict[str, str]:
    return {"element": source.element, "region_code": source.region_code}


def _announce(
    session: WriteSession, principal: Principal, source: Source, decision: Decision
) -> None:
    department, event = source.department, EVENTS[decision]
    _record(session, principal, event, source, department=department, reason=source.reason)
    if source.status in TOLD_OUTSIDE:
        outbox.add(session, event, source.element, {**_where(source), "department": department})


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
    """Return the claims and sources of an element; raises NotFound."""
    await elements.get(session, element)
    criteria = Criteria(element=element, region_code=region_code, status=status)
    return await search(session, criteria, page)


async def search(session: ReadSession, criteria: Criteria, page: PageRequest) -> Page[Source]:
    """Return claims and sources of any element; a region is found in every spelling."""
    return await store.find(session, criteria, page)


async def source_of(session: ReadSession, element: str, region_code: str) -> Source | None:
    """Return the region's own active source, else its nearest ancestor's."""
    return (await sources_of(session, [element], region_code)).get(element)


async def sources_of(
    session: ReadSession, wanted: Collection[str], region_code: str
) -> dict[str, Source]:
    """Return the source of each element in the region, where there is one."""
    path = (current(region_code), *ancestors(region_code))
    regions = [code for region in path for code in spellings(region)]
    by_element: dict[str, dict[str, Source]] = {}
    for source in await store.active(session, wanted, regions):
        by_element.setdefault(source.element, {})[current(source.region_code)] = source
    found = {}
    for element, by_region in by_element.items():
        region = nearest(region_code, by_region)
        if region is not None:
            found[element] = by_region[region]
    return found
