"""The masks that hold for subscriptions, for who reads what was granted."""

from collections.abc import Mapping, Sequence
from typing import Any

from catalog import versions
from catalog.contracts.published import RecordVersion
from exchange.delivery.grant_plans import terms_of
from exchange.delivery.projection.views import masks_in_force
from exchange.subscriptions import grants
from exchange.subscriptions.register import Subscription
from kernel.database import ReadSession


async def masks_held(
    session: ReadSession, subscriptions: Sequence[Subscription]
) -> Mapping[str, Mapping[str, Any]]:
    """Return by subscription, by granted item, the mask of records of the version in force.

    That is the stricter of the one agreed and the one that the version has. Versions are numbered
    as they come into force, and where none is any more the last one counts.
    """
    record_versions = await versions.record_versions(
        session, {row.resource_id for row in subscriptions}
    )
    return {row.id: _masks(row, record_versions[row.resource_id]) for row in subscriptions}


def _masks(row: Subscription, record_versions: Mapping[int, RecordVersion]) -> Mapping[str, Any]:
    if not record_versions:
        return row.masks
    return masks_in_force(
        terms_of(grants.grant_of(row), record_versions, max(record_versions), b"")
    )
