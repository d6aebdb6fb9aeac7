"""Keys of records that were refused since a replacement began: they count as present."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.contracts.compile import Plan
from exchange.latest.store import digest
from exchange.publishing.publish import Op
from exchange.publishing.quarantine import Quarantine
from exchange.replacements import store
from exchange.replacements.keys import key_line
from exchange.replacements.store import RefusedRecord
from exchange.replacements.tables import Replacement
from kernel.database import Database
from kernel.turns import FairScheduler


@dataclass(frozen=True, slots=True)
class RefusedKeys:
    """Digests of keys, how many records have none that can be read, and what this was made of."""

    digests: frozenset[bytes] = frozenset()
    unreadable: int = 0
    mark: tuple[int, str | None] = (0, None)


class RefusedReader:
    """Reads the quarantine of one resource, as often as it changes."""

    def __init__(self, database: Database, quarantine: Quarantine, turns: FairScheduler) -> None:
        self._database, self._quarantine, self._turns = database, quarantine, turns

    async def read(
        self, replacement: Replacement, plan: Plan, known: RefusedKeys | None = None
    ) -> RefusedKeys:
        """Return `known` where nothing has changed since."""
        resource_id, since = replacement.resource_id, replacement.began_at
        async with self._database.reading() as session:
            mark = await store.refused_mark(session, resource_id, since)
        if known is not None and known.mark == mark:
            return known
        digests: set[bytes] = set()
        unreadable, after = 0, ""
        while True:
            async with self._database.reading() as session:
                records = await store.refused(session, resource_id, since, after)
            if not records:
                return RefusedKeys(frozenset(digests), unreadable, mark)
            keys = await self._keys(plan, records)
            for record, key in zip(records, keys, strict=True):
                if key is not None:
                    digests.add(digest(key))
                elif record.op == Op.UPSERT and record.shown:
                    unreadable += 1
            after = records[-1].id

    async def _keys(self, plan: Plan, records: Sequence[RefusedRecord]) -> list[bytes | None]:
        """Return the key of each record, None where it breaks the contract itself."""
        lines = [
            key_line(plan.contract, self._quarantine.opened(each.sealed)[0]) for each in records
        ]
        checked = await self._turns.finish(plan.keys_ndjson(b"\n".join(lines)))
        refused = {each.index for each in checked.rejected}
        keys = iter(checked.keys)
        return [None if at in refused else next(keys) for at in range(len(lines))]
