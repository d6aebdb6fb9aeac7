"""The relay: outbox messages to the broker, in order, at least once (ADR 0006)."""

import asyncio
import json

from exchange.log.events import EventLog
from exchange.restoration.guard import RestoreGuard
from kernel import outbox
from kernel.database import Database
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

    async def run(self) -> None:
        """Relay for ever; what the broker did not take stays in the outbox."""
        while True:
            if await self.round() < BATCH:
                await asyncio.sleep(IDLE_SECONDS)

    async def round(self) -> int:
        """Send the oldest messages and remove them in one transaction; return how many."""
        async with self._database.transaction() as session:
            rows = await outbox.take(session, BATCH)
            if rows:
                if self._guard is not None:
                    # Ids of a restored database would come a second time.
                    await self._guard.confirm(session)
                await self._events.append([(row.key.encode(), message(row)) for row in rows])
                await outbox.remove(session, rows)
        return len(rows)


def message(row: OutboxRow) -> bytes:
    facts = {
        "id": row.id,
        "type": row.type,
        "at": row.created_at.isoformat(),
        "payload": row.payload,
    }
    return json.dumps(facts, ensure_ascii=False).encode()
