"""Which resources need their latest state.

Those with a granted filter on an item not of the key: what such a filter tells of an update or a
delete depends on the record before it. And those with a grant that is answered from it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from catalog import versions
from catalog.contracts.published import RecordVersion
from exchange.latest import store as folds
from exchange.latest.errors import StateIncomplete
from exchange.modes import FROM_LATEST
from exchange.subscriptions import store
from kernel.database import WriteSession
from kernel.workdays import local_date

ASKED_AGAIN = timedelta(days=1)
# After so long without a grant or an application that needs it, a resource is not folded any more.
KEPT = timedelta(days=30)
AT_ONCE = 200


async def require_folded(session: WriteSession, resource_id: str, *, now: datetime) -> None:
    """Raise StateIncomplete unless the latest state lacks nothing and has reached the log's end."""
    progress = await folds.progress(session, resource_id)
    if not progress.complete:
        raise StateIncomplete(resource_id, passing=progress.unbroken or not progress.begun)
    await folds.ask(session, [resource_id], now)


async def keep_folded(session: WriteSession, now: datetime) -> int:
    """Ask for the latest state wherever a live grant needs it, and give up what nobody needs.

    Returns how many resources were asked for.
    """
    filtered = await store.filtered_items(session, local_date(now), now - ASKED_AGAIN, AT_ONCE)
    keys = await _keys(session, filtered)
    resource_ids = [id_ for id_, items in filtered.items() if not items <= keys[id_]]
    today, since = local_date(now), now - ASKED_AGAIN
    resource_ids += await store.granted_by(session, FROM_LATEST, today, since, AT_ONCE)
    if resource_ids:
        await folds.ask(session, sorted(set(resource_ids)), now)
    await folds.retire_unasked(session, now - KEPT)
    return len(resource_ids)


async def _keys(session: WriteSession, resources: Mapping[str, object]) -> dict[str, set[str]]:
    """Return the names of items that are of the key in every version of a resource."""
    record_versions = await versions.record_versions(session, list(resources))
    return {id_: _common_keys(list(record_versions[id_].values())) for id_ in resources}


def _common_keys(record_versions: Sequence[RecordVersion]) -> set[str]:
    keys = [{item.name for item in version.items if item.key} for version in record_versions]
    return set.intersection(*keys) if keys else set()
