"""The newest version of an entry beside the one in force: what its publication would change."""

from dataclasses import dataclass
from datetime import date, datetime

from auth.errors import NotYourDepartment
from auth.principal import Principal, Role
from catalog import versions
from catalog.contracts.published import RecordVersion, Revision, Stated
from catalog.errors import ChangedMeanwhile
from catalog.recovery import record_items
from catalog.store import resources as store
from catalog.tables import Resource, ResourceVersion
from catalog.visibility import Shown, acts_as
from catalog.visibility import announced as is_announced
from kernel.database import ReadSession
from kernel.errors import NotFound

# Who may ask what a draft would do to others: its department and the authority over its region.
ASKING = (Role.CLERK, Role.HEAD, Role.AUTHORITY)


@dataclass(frozen=True, slots=True)
class Announced:
    """An approved version that was announced and is not in force yet."""

    resource_id: str
    department: str
    version: int
    announced_at: datetime
    effective_on: date
    reason: str
    basis: str | None


async def announced(session: ReadSession, resource_id: str) -> Announced | None:
    """Return what is announced of a resource, None where nothing is."""
    resource = await store.resource(session, resource_id)
    if resource is None:
        return None
    row = await store.get(session, resource_id, resource.version)
    if row is None or not is_announced(row) or not row.announced_at or not row.effective_on:
        return None
    return Announced(
        resource_id,
        resource.department,
        row.number,
        row.announced_at,
        row.effective_on,
        row.announce_reason or "",
        row.announce_basis,
    )


async def asked(session: ReadSession, principal: Principal, resource_id: str) -> Shown:
    """Return the entry to who may ask what its draft changes; NotFound, 403 errors."""
    shown = await versions.shown(session, principal, resource_id)
    principal.require_role(*ASKING)
    if not any(acts_as(principal, role, shown.resource) for role in ASKING):
        raise NotYourDepartment
    return shown


async def of_resource(session: ReadSession, resource_id: str, *, on: date) -> Revision:
    """Return what the newest version changes, to who need not see it; as `revision`."""
    resource = await store.resource(session, resource_id)
    if resource is None:
        raise NotFound
    return await _revision(session, resource, on=on)


async def revision(session: ReadSession, shown: Shown, *, on: date) -> Revision:
    """Return what an entry's newest version changes; Invalid where it cannot be compiled."""
    return await _revision(session, shown.resource, on=on)


async def _revision(session: ReadSession, resource: Resource, *, on: date) -> Revision:
    before = None
    if resource.published_version is not None:
        in_force = await store.get(session, resource.id, resource.published_version)
        before = None if in_force is None else await _stated(session, in_force, on=on)
    newest = await store.get(session, resource.id, resource.version)
    if newest is None:
        raise ChangedMeanwhile
    known = await versions.record_versions(session, [resource.id])
    after = await _stated(session, newest, on=on)
    return Revision(resource.id, newest.partitions, before, after, known[resource.id])


async def _stated(session: ReadSession, row: ResourceVersion, *, on: date) -> Stated:
    contract = await versions.contract_in(session, row, on=on)
    items = tuple(
        versions.record_item(item, item["data_type"]) for item in record_items(row, contract)
    )
    return Stated(row.number, contract, RecordVersion(row.number, items), row.share_type)
