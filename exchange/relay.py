"""The relay: outbox messages to the broker, in order, at least once (ADR 0006)."""

import asyncio
import json
from collections.abc import Sequence

from exchange.feed.gathering import gather_these
from exchange.log.events import EventLog
from exchange.restoration.guard import RestoreGuard
from kernel import outbox
from kernel.database import Database
from kernel.exclusive import Exclusive
from kernel.locks import Lock
from kernel.tables import OutboxRow

BATCH = 200
IDLE_SECONDS = 0.5


class Relay:
    def __init__(
        self, database: Database, events: EventLog, guard: RestoreGuard | None = None
    ) -> None:
        self._database = database
        self._events = events
        self._guard = guard
        self._exclusive = Exclusive(database.access, Lock.RELAY)

    async def run(self) -> None:
        """Relay for ever; what the broker did not take stays in the outbox."""
        while True:
            if await self.round() < BATCH:
                await asyncio.sleep(IDLE_SECONDS)

    async def round(self) -> int:
        """Send the oldest messages, then remove them; return how many.

        Nothing is sent while another relay works. No transaction is open while the broker is
        waited for; a death between sending and removing sends again (at least once).
        """
        if not await self._database.holds(outbox.WAITS):
            return 0
        async with self._exclusive.turn() as is_turn:
            if not is_turn:
                return 0
            rows = await self._oldest()
            if rows:
                await self._events.append([(row.key.encode(), message(row)) for row in rows])
                async with self._database.transaction() as session:
                    await gather_these(session, [row.id for row in rows if row.id is not None])
                    await outbox.remove(session, rows)
        return len(rows)

    async def _oldest(self) -> Sequence[OutboxRow]:
        async with self._database.reading() as session:
            rows = await outbox.take(session, BATCH)
            if rows and self._guard is not None:
                # Ids of a restored database would come a second time.
                await self._guard.confirm(session)
            return rows

    async def close(self) -> None:
        await self._exclusive.close()


def message(row: OutboxRow) -> bytes:
    facts = {
        "id": row.id,
        "type": row.type,
        "at": row.created_at.isoformat(),
        "payload": row.payload,
    }
    return json.dumps(facts, ensure_ascii=False).encode()
