"""The queue of changes to the exchange: each batch under one Idempotency-Key, whoever dies."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from shuyuan_client.agent.capture import Capture
from shuyuan_client.agent.config import Push
from shuyuan_client.agent.databases import Database, Row, undone
from shuyuan_client.agent.state import State
from shuyuan_client.http import ExchangeClient

# Well below the 8 MiB of a publish.
BYTES_MAX = 4 * 1024 * 1024
COUNT_SECONDS = 5.0
FIELDS = "seq, op, key_digest, key_json, body, digest, batch"


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that are published together: one operation, and each key once."""

    key: str
    rows: list[Row]

    @property
    def op(self) -> str:
        return str(self.rows[0][1])

    @property
    def body(self) -> bytes:
        return "\n".join(row[4] for row in self.rows).encode()


class PushJob:
    """One `[[push]]`; `step` publishes what waits, then looks for more."""

    def __init__(
        self,
        settings: Push,
        client: ExchangeClient,
        database: Database,
        state: State,
        capture: Callable[[], Capture],
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self._client = client
        self._database = database
        self._state = state
        self._make_capture = capture
        self._captured: Capture | None = None
        # How many changes wait, and when they are to be counted again.
        self._left, self._count_due = 0, 0.0

    @property
    def capture(self) -> Capture:
        """What reads the table, with its columns by item; they are asked for once."""
        if self._captured is None:
            self._captured = self._make_capture()
        return self._captured

    def step(self) -> bool:
        """Publish a batch, or queue changes; whether there is more to do. Raises Failure."""
        batch = self._next()
        if batch is None:
            self._count_due = 0.0
            return self.capture.step() or self._state.waits(self.name)
        receipt = self._client.publish_typed(
            self.settings.resource, batch.body, key=batch.key, op=batch.op, on_invalid="quarantine"
        )
        self._settle(batch, receipt.accepted)
        return True

    def preview(self) -> int:
        """Return how many changes would be published, and change nothing. Raises Failure."""
        with undone(self._database, snapshot=self.settings.method == "compare"):
            self.capture.step()
            return self._state.waiting(self.name)

    def report(self) -> None:
        """Have nothing to tell: the exchange knows what it was sent."""

    def _next(self) -> Batch | None:
        """Return the batch that was begun, by this process or one before it, or begin one.

        What is in a batch, and its name, stand before anything is sent: its first and its last row
        are marked with it, and nothing comes in between. So it is whole, however many rows a batch
        may have by now.
        """
        rows = self._waiting(f"LIMIT {self.settings.batch}")
        if not rows:
            return None
        begun = rows[0][6]
        if begun is not None:
            last = "SELECT max(seq) FROM {changes} WHERE job = ? AND batch = ?"
            return Batch(begun, self._waiting("", f"AND seq <= ({last})", self.name, begun))
        rows, key = together(rows), uuid.uuid4().hex
        sql = f"UPDATE {self._state.sql('changes')} SET batch = ? WHERE seq IN (?, ?)"  # noqa: S608
        self._database.execute(sql, key, rows[0][0], rows[-1][0])
        return Batch(key, rows)

    def _waiting(self, limit: str, which: str = "", *values: object) -> list[Row]:
        changes = self._state.sql("changes")
        sql = (
            f"SELECT {FIELDS} FROM {changes} "  # noqa: S608
            f"WHERE job = ? {which.format(changes=changes)} ORDER BY seq {limit}"
        )
        return self._database.fetch(sql, self.name, *values)

    def _settle(self, batch: Batch, accepted: int) -> None:
        """Note what was published and empty the queue of it, in one transaction."""
        noted = [[self.name, row[2], row[3], row[5]] for row in batch.rows]
        with self._database.transaction():
            table = self._state.name("published")
            keys = [row[:2] for row in noted]
            if batch.op == "delete":
                self._database.delete(table, ["job", "key_digest"], keys)
            else:
                columns = ["job", "key_digest", "key_json", "digest"]
                self._database.upsert(table, columns, ["job", "key_digest"], noted)
            gone = f"DELETE FROM {self._state.sql('changes')} WHERE job = ? AND seq <= ?"  # noqa: S608
            self._database.execute(gone, self.name, batch.rows[-1][0])
            before = self._state.position(self.name, self.settings.resource)
            waiting = self._count(len(batch.rows))
            counted = (
                {"deletes": before.deletes + accepted}
                if batch.op == "delete"
                else {"records": before.records + accepted}
            )
            self._state.move(before.moved(**counted, lag=waiting))

    def _count(self, published: int) -> int:
        """Return how many changes wait; a long queue is counted now and then only."""
        now = time.monotonic()
        if now >= self._count_due:
            self._left, self._count_due = self._state.waiting(self.name), now + COUNT_SECONDS
        else:
            self._left -= published
        return self._left


def together(rows: list[Row]) -> list[Row]:
    """Return the first rows that may be one batch: of one operation, no key twice, not too long."""
    found: list[Row] = []
    keys: set[str] = set()
    size = 0
    for row in rows:
        size += len(row[4].encode()) + 1
        if found and (row[1] != found[0][1] or row[2] in keys or size > BYTES_MAX):
            break
        found.append(row)
        keys.add(row[2])
    return found
