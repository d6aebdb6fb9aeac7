"""Keyed questions to the latest state: those that are asked at the same time share a statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from exchange.delivery.grant_plans import GrantPlan
from exchange.latest import reading
from exchange.latest.asking import asking
from exchange.latest.errors import StateIncomplete
from exchange.latest.reading import Found, LatestRecord, Wanted
from exchange.log.partitions import partition_of
from kernel.database import Database
from kernel.group_commit import GroupCommit

# Records may be of a megabyte each: so many lie in memory for one statement.
TOGETHER: Final = 64


class Lookup(NamedTuple):
    """The last record of a key, None where there is none, and up to when the log was folded."""

    record: LatestRecord | None
    as_of: datetime


class Lookups:
    """One worker's; whatever is asked for costs the same statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking: GroupCommit[Wanted, Found | None] = GroupCommit(self._find, most=TOGETHER)

    async def find(self, plan: GrantPlan, key: bytes) -> Lookup:
        """Return the last record of a key; raises StateIncomplete, and has it folded then."""
        resource_id = plan.grant.resource_id
        wanted = Wanted(resource_id, partition_of(key, plan.partitions), key)
        found = await self._asking.submit(wanted)
        async with asking(self._database):
            if found is None:
                raise StateIncomplete(resource_id, passing=True)
            as_of = reading.require_complete(resource_id, [found.fold])
        return Lookup(found.record, as_of)

    async def _find(self, wanted: Sequence[Wanted]) -> Sequence[Found | None]:
        async with self._database.single() as connection:
            return await reading.several(connection, wanted)
