"""Versions of a resource, and the contracts that records of a version obey (P2)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from auth.principal import Principal
from catalog import snapshots
from catalog.contracts.model import Checker, Contract, DataType, Field
from catalog.contracts.published import RecordItem, RecordVersion
from catalog.deadline_tables import Kind
from catalog.entries import Entry, Item
from catalog.errors import ResourceNotPublished, VersionSuperseded
from catalog.rules.compatibility import Verdict, compare
from catalog.states import State
from catalog.store import deadlines as deadline_store
from catalog.store import elements as element_store
from catalog.store import recovered
from catalog.store import resources as store
from catalog.store import standards as standard_store
from catalog.tables import Element, Resource, ResourceTransition, ResourceVersion
from catalog.visibility import Shown, announced, is_insider, present, serves, shown_number
from kernel.database import ReadSession
from kernel.errors import FieldError, FieldErrors, NotFound

# States of a version that was published at some time: everybody may know them.
PUBLIC = frozenset({State.PUBLISHED, State.SUPERSEDED, State.RETIRED})


@dataclass(frozen=True, slots=True)
class PublishedContract:
    """What publishing and delivery need to know of the version in force."""

    resource_id: str
    version: int
    department: str
    status: State
    share_type: str
    partitions: int
    contract: Contract
    masks: Mapping[str, Mapping[str, Any]]
    # From this moment on no records are published: the source was lost (catalog/losses.py).
    closed_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublishedEntry:
    """What an application needs to know of a resource; item names lead to their fields."""

    resource_id: str
    department: str
    region_code: str
    name: str
    status: State
    version: int
    share_type: str
    share_modes: tuple[str, ...]
    share_conditions: str | Sequence[str] | None
    share_scope: str | Sequence[str] | None
    share_purposes: str | Sequence[str] | None
    legal_basis: str | None
    items: Mapping[str, Field]
    elements: Mapping[str, str]
    masks: Mapping[str, Mapping[str, Any]]
    grade: int


async def contract_of(
    session: ReadSession, resource_id: str, version: int | None = None
) -> PublishedContract:
    """Return the contract in force; NotFound, ResourceNotPublished or VersionSuperseded."""
    resource = await store.resource(session, resource_id)
    if resource is None:
        raise NotFound
    row = await _serving(session, resource)
    if version not in (None, row.number):
        raise VersionSuperseded(
            f"现行版本为 {row.number}",
            f"Version {row.number} is in force",
            published_version=row.number,
        )
    return PublishedContract(
        resource_id=resource_id,
        version=row.number,
        department=resource.department,
        status=State.PUBLISHED,
        share_type=row.share_type,
        partitions=row.partitions,
        contract=snapshots.load(row.contract or {}),
        masks=_masks(row),
        closed_from=await deadline_store.first_due(session, resource_id, Kind.SOURCE_LOST),
    )


async def department_of(session: ReadSession, resource_id: str) -> str:
    """Return whose resource it is; NotFound."""
    resource = await store.resource(session, resource_id)
    if resource is None:
        raise NotFound
    return resource.department


async def share_type_of(session: ReadSession, resource_id: str) -> str | None:
    """Return the sharing attribute in force, None where no version is."""
    resource = await store.resource(session, resource_id)
    if resource is None or not serves(resource):
        return None
    return (await _serving(session, resource)).share_type


async def grade_in_force(session: ReadSession, resource_id: str) -> int:
    """Return the grade of the version in force; NotFound, ResourceNotPublished."""
    resource = await store.resource(session, resource_id)
    if resource is None:
        raise NotFound
    return (await _serving(session, resource)).grade


async def partitions_of(session: ReadSession, resource_ids: Collection[str]) -> Mapping[str, int]:
    """Return how many partitions the log of each resource has that was ever published."""
    return dict(await store.partitions_of(session, resource_ids)) if resource_ids else {}


async def record_versions(
    session: ReadSession, resource_ids: Collection[str]
) -> Mapping[str, Mapping[int, RecordVersion]]:
    """Return every version that records in the log may have been checked by, by resource.

    Those that a restored database had forgotten are among them, without items where nobody knows
    them any more (ADR 0026).
    """
    found: dict[str, dict[int, RecordVersion]] = {id_: {} for id_ in resource_ids}
    for resource_id, number, items, data_types in await store.published_items(
        session, resource_ids, PUBLIC
    ):
        read = zip(items, data_types, strict=True)
        found[resource_id][number] = RecordVersion(number, tuple(record_item(*i) for i in read))
    for row in await recovered.of_resources(session, resource_ids):
        items = tuple(record_item(item, item["data_type"]) for item in row.items or ())
        found[row.resource_id].setdefault(row.number, RecordVersion(row.number, items))
    return found


def record_item(stored: Mapping[str, Any], data_type: str) -> RecordItem:
    return RecordItem(
        stored["name"],
        DataType(data_type),
        stored["key"],
        stored["element"],
        stored["mask"],
        stored.get("searchable", False),
    )


async def entry(session: ReadSession, resource_id: str) -> PublishedEntry:
    """Return the published entry; NotFound for what was never published, else as contract_of."""
    resource = await store.resource(session, resource_id)
    if resource is None or resource.published_version is None:
        raise NotFound
    row = await _serving(session, resource)
    contract = snapshots.load(row.contract or {})
    return PublishedEntry(
        resource_id=resource_id,
        department=resource.department,
        region_code=row.region_code,
        name=row.name,
        status=State.PUBLISHED,
        version=row.number,
        share_type=row.share_type,
        share_modes=tuple(row.share_modes),
        share_conditions=row.share_conditions,
        share_scope=row.share_scope,
        share_purposes=row.share_purposes,
        legal_basis=row.legal_basis,
        items={field.name: field for field in contract.fields},
        elements={item["name"]: item["element"] for item in row.items},
        masks=_masks(row),
        grade=row.grade,
    )


async def _serving(session: ReadSession, resource: Resource) -> ResourceVersion:
    if not serves(resource):
        raise ResourceNotPublished
    row = await store.get(session, resource.id, resource.published_version or 0)
    if row is None:
        raise NotFound
    return row


def _masks(row: ResourceVersion) -> dict[str, Mapping[str, Any]]:
    return {item["name"]: item["mask"] for item in row.items if item["mask"] is not None}


async def shown(
    session: ReadSession, principal: Principal, resource_id: str, number: int | None = None
) -> Shown:
    """Return the version that the caller sees, or the numbered one if it may see that."""
    resource = await store.resource(session, resource_id)
    usual = None if resource is None else shown_number(principal, resource)
    if resource is None or usual is None:
        raise NotFound
    row = await store.get(session, resource_id, usual if number is None else number)
    if row is None or not _known(principal, resource, row):
        raise NotFound
    return present(principal, resource, row)


def _known(principal: Principal, resource: Resource, row: ResourceVersion) -> bool:
    return is_insider(principal, resource) or _was_published(row) or announced(row)


def _was_published(row: ResourceVersion) -> bool:
    return row.state in PUBLIC and row.published_at is not None


async def listed(session: ReadSession, principal: Principal, resource_id: str) -> list[Shown]:
    """Return the versions that the caller may see, the oldest first."""
    resource = (await shown(session, principal, resource_id)).resource
    rows = await store.versions(session, resource_id)
    known = [row for row in rows if _known(principal, resource, row)]
    return [present(principal, resource, row) for row in known]


async def history(
    session: ReadSession, principal: Principal, resource_id: str
) -> Sequence[ResourceTransition]:
    """Return who moved the resource; for its own department and the authority over it."""
    resource = (await shown(session, principal, resource_id)).resource
    if not is_insider(principal, resource):
        raise NotFound
    return await store.transitions(session, resource_id)


async def shown_contract(
    session: ReadSession,
    principal: Principal,
    resource_id: str,
    number: int | None = None,
    *,
    on: date,
) -> Contract:
    """Return a version's contract: the one in force, or that of the draft where none is."""
    seen = await shown(session, principal, resource_id, number)
    if number is None and serves(seen.resource):
        seen = await shown(session, principal, resource_id, seen.resource.published_version)
    return await contract_in(session, seen.version, on=on)


async def serves_to(session: ReadSession, principal: Principal, resource_id: str) -> bool:
    """Return whether a version is in force; NotFound for whom there is no such resource."""
    resource = await store.resource(session, resource_id)
    if resource is None or shown_number(principal, resource) is None:
        raise NotFound
    return serves(resource)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of the entry that two versions state differently."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    verdict: Verdict
    differences: Sequence[Difference]


async def compare_versions(
    session: ReadSession,
    principal: Principal,
    resource_id: str,
    old: int,
    new: int,
    *,
    on: date,
) -> Comparison:
    """Compare what two versions say, and whether the contract stays backward compatible."""
    before = (await shown(session, principal, resource_id, old)).version
    after = (await shown(session, principal, resource_id, new)).version
    verdict = compare(
        await contract_in(session, before, on=on), await contract_in(session, after, on=on)
    )
    differences = [
        Difference(name, getattr(before, name), getattr(after, name))
        for name in Entry.__dataclass_fields__
        if getattr(before, name) != getattr(after, name)
    ]
    return Comparison(verdict, differences)


async def contract_in(session: ReadSession, row: ResourceVersion, *, on: date) -> Contract:
    if row.contract is not None:
        return snapshots.load(row.contract)
    return await build(session, row, on=on)


async def build(session: ReadSession, row: ResourceVersion, *, on: date) -> Contract:
    """Compile the items with their elements and the codes in force on the day; raises Invalid."""
    items = [Item.of(stored) for stored in row.items]
    elements = await element_store.by_code(session, {item.element for item in items})
    lists = {element.code_list for element in elements.values() if element.code_list}
    values = await standard_store.values_in_force(session, lists, on)
    FieldErrors([*_without_values(items, elements, values)]).raise_if_any()
    return Contract(
        resource_id=row.resource_id,
        version=row.number,
        title=row.name,
        fields=tuple(_field(item, elements[item.element], values) for item in items),
    )


def _without_values(
    items: Sequence[Item],
    elements: Mapping[str, Element],
    values: Mapping[str, tuple[str, ...]],
) -> Iterator[FieldError]:
    for place, item in enumerate(items):
        code_list = elements[item.element].code_list
        if code_list is not None and code_list not in values:
            yield FieldError(
                f"items[{place}].element",
                "no_codes_in_force",
                f"代码集 {code_list} 没有现行代码",
                f"code list {code_list} has no value in force",
            )


def _field(item: Item, element: Element, values: Mapping[str, tuple[str, ...]]) -> Field:
    return Field(
        name=item.name,
        label=item.label,
        data_type=DataType(element.data_type),
        required=item.required,
        key=item.key,
        min_length=element.min_length,
        max_length=element.max_length,
        pattern=element.pattern,
        minimum=element.minimum,
        maximum=element.maximum,
        precision=element.precision,
        scale=element.scale,
        values=None if element.code_list is None else values[element.code_list],
        checker=None if element.checker is None else Checker(element.checker),
    )
