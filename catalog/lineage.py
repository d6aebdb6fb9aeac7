"""Where the data of an entry come from and where they go, as far as the caller may see it.

Element ← source ← department, resource ← element, derived resource ← resource. A derivation counts
as the version says that the caller sees.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from auth.principal import Principal
from catalog import sources, versions
from catalog.store import derivations as store
from catalog.tables import Resource, ResourceVersion
from catalog.visibility import shown_number
from kernel.database import ReadSession

RESOURCES_MAX: Final = 500
"""Resources of one answer; beyond, the answer says that it is not complete."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource as the caller sees it."""

    resource: Resource
    version: ResourceVersion

    @property
    def id(self) -> str:
        return self.resource.id


@dataclass(slots=True)
class Lineage:
    """Entries by id, and pairs (origin, derived) of them."""

    start: str
    entries: dict[str, Entry] = field(default_factory=dict)
    derivations: set[tuple[str, str]] = field(default_factory=set)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """The source in force of an item's element in the region of the entry."""

    resource_id: str
    element: str
    source_id: str | None
    department: str | None


async def trace(
    session: ReadSession, principal: Principal, resource_id: str, depth: int
) -> Lineage:
    """Follow derivations up and down so many steps; NotFound."""
    shown = await versions.shown(session, principal, resource_id)
    lineage = Lineage(resource_id)
    lineage.entries[resource_id] = Entry(shown.resource, shown.version)
    level: set[str] = {resource_id}
    for _ in range(depth):
        level = await _upwards(session, principal, lineage, level)
    level = {resource_id}
    for _ in range(depth):
        level = await _downwards(session, principal, lineage, level)
    return lineage


async def _upwards(
    session: ReadSession, principal: Principal, lineage: Lineage, level: Collection[str]
) -> set[str]:
    named = {
        (origin, each) for each in level for origin in lineage.entries[each].version.derived_from
    }
    if not named:
        return set()
    rows = await store.several(session, {origin for origin, _derived in named})
    found = _visible(principal, rows)
    fresh = _take(lineage, found.values())
    lineage.derivations |= {pair for pair in named if pair[0] in lineage.entries}
    return fresh


async def _downwards(
    session: ReadSession, principal: Principal, lineage: Lineage, level: Collection[str]
) -> set[str]:
    if not level:
        return set()
    rows = await store.derived(session, level)
    lineage.complete = lineage.complete and len(rows) < store.DERIVED_MAX
    found = _visible(principal, rows)
    fresh = _take(lineage, found.values())
    lineage.derivations |= {
        (origin, entry.id)
        for entry in found.values()
        if entry.id in lineage.entries
        for origin in entry.version.derived_from
        if origin in level
    }
    return fresh


def _visible(
    principal: Principal, rows: Sequence[tuple[Resource, ResourceVersion]]
) -> Mapping[str, Entry]:
    """Return the entries in the version that the caller sees."""
    return {
        resource.id: Entry(resource, version)
        for resource, version in rows
        if version.number == shown_number(principal, resource)
    }


def _take(lineage: Lineage, entries: Iterable[Entry]) -> set[str]:
    """Add entries that are new, as many as there is room for; return which were."""
    fresh = set()
    for entry in entries:
        if entry.id in lineage.entries:
            continue
        if len(lineage.entries) >= RESOURCES_MAX:
            lineage.complete = False
            break
        lineage.entries[entry.id] = entry
        fresh.add(entry.id)
    return fresh


async def origins(session: ReadSession, lineage: Lineage) -> Sequence[Origin]:
    """Return the elements of all entries with their sources in force, those of a region at once."""
    by_region: dict[str, list[Entry]] = {}
    for entry in lineage.entries.values():
        by_region.setdefault(entry.version.region_code, []).append(entry)
    found = []
    for region, entries in by_region.items():
        pairs = [(each.id, item["element"]) for each in entries for item in each.version.items]
        in_force = await sources.sources_of(session, {element for _id, element in pairs}, region)
        for resource_id, element in dict.fromkeys(pairs):
            source = in_force.get(element)
            place = (None, None) if source is None else (source.id, source.department)
            found.append(Origin(resource_id, element, *place))
    return found
