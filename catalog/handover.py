"""What the catalogue does when a department is merged into another one or moves (Order 809 Art 19).

Entries, sources and open claims go to the successor. A region keeps one active source of an element
(P1): where the successor, or whoever is the source in the new region, is active already, that one
stays and the other ends. An entry or a source of a division outside the successor's goes into it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from auth.regions.tree import covers
from catalog.events import CatalogEvent
from catalog.sources import settle_contest, settle_losses
from catalog.states import OPEN_CLAIMS, SourceStatus
from catalog.store import bindings
from catalog.store import elements as element_store
from catalog.store import handover as store
from catalog.store import sources as source_store
from catalog.tables import Resource, Source
from kernel import changes, outbox
from kernel.actor import Actor
from kernel.audit import record
from kernel.database import ReadSession, WriteSession

ENDED = "该区划已有数源 / the region has a source already"


class Fate(StrEnum):
    """What becomes of a source or a claim."""

    GOES = "goes"
    ENDS = "ends"


@dataclass(frozen=True, slots=True)
class Seat:
    """Whose it is afterwards, and in which division that department is."""

    department: str
    region_code: str

    def region_of(self, region_code: str) -> str:
        """Return the division of what was in `region_code`."""
        return region_code if covers(self.region_code, region_code) else self.region_code


@dataclass(frozen=True, slots=True)
class SourceRef:
    id: str
    element: str
    region_code: str


@dataclass(slots=True)
class Handover:
    """What goes over and what ends, each by id."""

    entries: list[str] = field(default_factory=list)
    sources: list[SourceRef] = field(default_factory=list)
    sources_ended: list[SourceRef] = field(default_factory=list)
    claims: list[SourceRef] = field(default_factory=list)
    claims_ended: list[SourceRef] = field(default_factory=list)

    def add(self, source: Source, fate: Fate) -> None:
        is_active = source.status == SourceStatus.ACTIVE
        lists = {
            (True, Fate.GOES): self.sources,
            (True, Fate.ENDS): self.sources_ended,
            (False, Fate.GOES): self.claims,
            (False, Fate.ENDS): self.claims_ended,
        }
        lists[is_active, fate].append(SourceRef(source.id, source.element, source.region_code))


def fate_of(source: Source, others: Sequence[Source], department: str) -> Fate:
    """Return what becomes of a source where `others` claim, or are, the same; pure."""
    if source.status == SourceStatus.ACTIVE:
        taken = any(other.status == SourceStatus.ACTIVE for other in others)
    else:
        taken = any(other.department == department for other in others)
    return Fate.ENDS if taken else Fate.GOES


async def in_use(session: ReadSession, department: str) -> int:
    """Return how many entries of the department are published, or wait for their review."""
    return await store.in_use(session, department)


async def survey(session: ReadSession, uscc: str, seat: Seat) -> Handover:
    """Return what would go over, and change nothing."""
    handover = Handover(entries=await store.resource_ids(session, uscc))
    for source in await source_store.standing_of(session, uscc):
        others = await _others(session, source, seat)
        handover.add(source, fate_of(source, others, seat.department))
    return handover


async def carry_out(
    session: WriteSession, actor: Actor, uscc: str, seat: Seat, *, now: datetime
) -> Handover:
    """Let entries, sources and claims of the department be those of the seat."""
    await _lock_elements(session, uscc)
    handover = Handover()
    for resource in await store.lock_resources(session, uscc):
        await _give_resource(session, actor, resource, seat, now=now)
        handover.entries.append(resource.id)
    await changes.announce_all(session, "resource", handover.entries)
    for source in await source_store.standing_of(session, uscc):
        await element_store.lock(session, source.element)
        await session.refresh(source)
        if source.status in (SourceStatus.ACTIVE, *OPEN_CLAIMS):
            others = await _others(session, source, seat)
            fate = fate_of(source, others, seat.department)
            handover.add(source, fate)
            await _carry_source(session, actor, source, fate, others, seat, now=now)
    await _settle_losses(session, actor, handover, now=now)
    return handover


async def _lock_elements(session: WriteSession, uscc: str) -> None:
    """Lock the elements of all that goes over before any entry, as whoever publishes does."""
    claimed = await bindings.claimed_by(session, await store.resource_ids(session, uscc))
    standing = await source_store.standing_of(session, uscc)
    await element_store.lock_all(session, claimed | {source.element for source in standing})


async def _settle_losses(
    session: WriteSession, actor: Actor, handover: Handover, *, now: datetime
) -> None:
    """Find out what has lost or regained its source where sources or entries went over."""
    changed = {source.element for source in (*handover.sources, *handover.sources_ended)}
    changed |= await bindings.claimed_by(session, handover.entries)
    for element in sorted(changed):
        await element_store.lock(session, element)
        await settle_losses(session, actor, element, now=now)


async def _others(session: ReadSession, source: Source, seat: Seat) -> list[Source]:
    region = seat.region_of(source.region_code)
    standing = await source_store.rivals(session, source.element, region)
    return [other for other in standing if other.id != source.id]


async def _give_resource(
    session: WriteSession, actor: Actor, resource: Resource, seat: Seat, *, now: datetime
) -> None:
    before = {"department": resource.department, "region_code": resource.region_code}
    region = seat.region_of(resource.region_code)
    after = {"department": seat.department, "region_code": region}
    if before == after:
        return
    await store.give_resource(session, actor, resource, after, now=now)
    facts = {**after, "before": before}
    record(session, actor, CatalogEvent.RESOURCE_HANDED_OVER, "resource", resource.id, **facts)


async def _carry_source(
    session: WriteSession,
    actor: Actor,
    source: Source,
    fate: Fate,
    others: Sequence[Source],
    seat: Seat,
    *,
    now: datetime,
) -> None:
    where = {"element": source.element, "region_code": source.region_code}
    if fate is Fate.ENDS:
        await _end(session, actor, source, now=now)
    else:
        # The successor's open claim on what it now is the source of has nothing left to ask for.
        for claim in others:
            if claim.department == seat.department:
                await _end(session, actor, claim, now=now)
        after = {"department": seat.department, "region_code": seat.region_of(source.region_code)}
        await store.give_source(session, source, after)
        event = CatalogEvent.SOURCE_HANDED_OVER
        record(session, actor, event, "source", source.id, before=where, element=source.element,
               **after)  # fmt: skip
    # What it left, and what it came into.
    for region in dict.fromkeys((where["region_code"], seat.region_of(where["region_code"]))):
        await settle_contest(session, actor, source.element, region)


async def _end(session: WriteSession, actor: Actor, source: Source, *, now: datetime) -> None:
    is_active = source.status == SourceStatus.ACTIVE
    to = SourceStatus.ENDED if is_active else SourceStatus.WITHDRAWN
    event = CatalogEvent.SOURCE_ENDED if is_active else CatalogEvent.SOURCE_WITHDRAWN
    await source_store.move(session, source, to, reason=ENDED, decided_at=now, ended_at=now)
    facts = {
        "element": source.element,
        "region_code": source.region_code,
        "department": source.department,
    }
    record(session, actor, event, "source", source.id, reason=ENDED, **facts)
    if is_active:
        outbox.add(session, event, source.element, facts)
