"""Versions that a restored database has forgotten: read from the log, or passed (ADR 0026, P12).

Records outlive the database that knew their contract. What a version's records look like stands in
the message of its publication; where that is gone too, an operator lets readers pass them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from catalog.contracts.model import Contract, DataType
from catalog.errors import VersionKnown
from catalog.events import CatalogEvent
from catalog.states import State
from catalog.store import recovered
from catalog.store import resources as store
from catalog.tables import Resource, ResourceVersion
from kernel import audit
from kernel.actor import SYSTEM
from kernel.changes import announce
from kernel.database import WriteSession
from kernel.errors import NotFound

UNPUBLISHED = frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED})
ITEM_FACTS = frozenset({"name", "data_type", "key", "element", "mask"})


def record_items(row: ResourceVersion, contract: Contract) -> list[dict[str, Any]]:
    """Return what it takes to read records of a version, as its publication tells it."""
    types = {field.name: str(field.data_type) for field in contract.fields}
    return [
        {
            "name": item["name"],
            "data_type": types[item["name"]],
            "key": item["key"],
            "element": item["element"],
            "mask": item["mask"],
        }
        for item in row.items
    ]


async def recover(
    session: WriteSession, resource_id: str, number: int, items: object, *, now: datetime
) -> bool:
    """Let records of a forgotten version be read, and its number be given to no other.

    `items` are those that the log tells; records are passed where it tells none. Returns False for
    an entry that is forgotten as a whole, and for a version that is known.
    """
    resource = await recovered.locked(session, resource_id)
    if resource is None or await _is_known(session, resource, number):
        return False
    await recovered.keep(session, resource_id, number, _readable(items), "restored", now)
    await announce(session, "resource", resource_id)
    return True


async def reserve(session: WriteSession, resource_id: str, number: int) -> bool:
    """Give no version number up to `number` again; False if there is no such entry, or no need."""
    resource = await recovered.locked(session, resource_id)
    if resource is None:
        return False
    row = await store.get(session, resource_id, number)
    if row is not None and row.state in UNPUBLISHED:
        # It was published in the forgotten time: what is drafted now may become something else.
        await recovered.renumber(session, resource, row, number + 1)
    elif max(resource.version, resource.version_floor) >= number:
        return False
    resource.version_floor = max(resource.version_floor, number)
    session.add(resource)
    await session.flush()
    return True


async def pass_version(
    session: WriteSession, resource_id: str, number: int, reason: str, *, now: datetime
) -> None:
    """Let readers pass records of a version that nobody knows; NotFound, VersionKnown."""
    resource = await recovered.locked(session, resource_id)
    if resource is None:
        raise NotFound
    if await _is_known(session, resource, number):
        raise VersionKnown
    await reserve(session, resource_id, number)
    await recovered.keep(session, resource_id, number, None, reason, now)
    audit.record(
        session,
        SYSTEM,
        CatalogEvent.VERSION_PASSED,
        "resource",
        resource_id,
        version=number,
        reason=reason,
    )
    await announce(session, "resource", resource_id)


async def _is_known(session: WriteSession, resource: Resource, number: int) -> bool:
    row = await store.get(session, resource.id, number)
    return row is not None and row.state not in UNPUBLISHED and row.contract is not None


def _readable(items: object) -> Sequence[Mapping[str, Any]] | None:
    """Return the items that a message tells; None where it is of an older build, or not ours."""
    if not isinstance(items, list) or not items:
        return None
    return items if all(map(_is_item, items)) else None


def _is_item(item: object) -> bool:
    if not (isinstance(item, dict) and item.keys() >= ITEM_FACTS):
        return False
    name, element, mask = item["name"], item["element"], item["mask"]
    texts = all(isinstance(each, str) and each.isprintable() for each in (name, element))
    return (
        texts
        and item["data_type"] in set(DataType)
        and isinstance(item["key"], bool)
        and (mask is None or isinstance(mask, dict))
    )
