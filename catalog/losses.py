"""What becomes of a published entry whose department is no longer the source (Order 809 Art 19).

Its subscriptions go on reading. The department has LOSS_DAYS to become the source again, or to
publish a version that no longer claims the element; afterwards it publishes no records
(`SourceLost`) until it has done so.
"""

from collections.abc import Collection
from datetime import datetime

from catalog.deadline_tables import Kind
from catalog.events import CatalogEvent
from catalog.store import bindings
from catalog.store import deadlines as store
from catalog.store.bindings import Held
from catalog.tables import Resource
from kernel import outbox
from kernel.actor import Actor
from kernel.audit import record
from kernel.changes import announce
from kernel.database import ReadSession, WriteSession
from kernel.terms import Term, last_day
from kernel.workdays import local_date

LOSS_DAYS = 10


async def published_with(session: ReadSession, element: str) -> list[Held]:
    """Return the published resources that claim to be of the element's source."""
    return await bindings.published_with(session, element)


async def settle(
    session: WriteSession,
    actor: Actor,
    element: str,
    held: Collection[Held],
    lost: Collection[str],
    *,
    now: datetime,
) -> None:
    """Let the term begin for each newly `lost` resource, and end for those that are not.

    The element is locked by the caller.
    """
    known = await store.lost(session, element)
    for each in held:
        if each.resource_id in lost and each.resource_id not in known:
            await _lose(session, actor, each, element, now)
        elif each.resource_id in known and each.resource_id not in lost:
            await _regain(session, actor, each, [element], now)


async def settle_published(
    session: WriteSession, actor: Actor, resource: Resource, *, now: datetime
) -> None:
    """End every term of a resource: its version in force claims what it may, or it is retired."""
    open_terms = await store.open_of(session, [resource.id], Kind.SOURCE_LOST)
    if open_terms:
        held = Held(resource.id, resource.department, resource.region_code)
        await _regain(session, actor, held, [term.subject for term in open_terms], now)


async def _lose(
    session: WriteSession, actor: Actor, held: Held, element: str, now: datetime
) -> None:
    term = Term(local_date(now), LOSS_DAYS)
    if not await store.begin(
        session, held.resource_id, Kind.SOURCE_LOST, term, subject=element, now=now
    ):
        return
    due_on = last_day(term.due_at).isoformat()
    facts = {"element": element, "due_on": due_on}
    await _tell(session, actor, CatalogEvent.SOURCE_LOST, held, facts)


async def _regain(
    session: WriteSession, actor: Actor, held: Held, elements: Collection[str], now: datetime
) -> None:
    for element in elements:
        await store.change(
            session, held.resource_id, Kind.SOURCE_LOST, subject=element, ended_at=now
        )
        await _tell(session, actor, CatalogEvent.SOURCE_REGAINED, held, {"element": element})


async def _tell(
    session: WriteSession, actor: Actor, event: CatalogEvent, held: Held, facts: dict[str, str]
) -> None:
    record(session, actor, event, "resource", held.resource_id, **facts)
    parties = {
        "resource_id": held.resource_id,
        "department": held.department,
        "region_code": held.region_code,
    }
    outbox.add(session, event, held.resource_id, parties | facts)
    await announce(session, "resource", held.resource_id)
