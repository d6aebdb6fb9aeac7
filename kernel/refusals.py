"""Refusals are kept: who was refused what, when and by which check, to be asked about (P10).

Rows are written behind the answers, once a second. At most ROWS_PER_MINUTE rows are kept a minute
for one caller and code, by all workers together; the others are counted in the last row. A kill
loses what has waited less than a second. No row holds a value of a record.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import col, select

from kernel import batches, locks
from kernel.actor import Actor
from kernel.database import Database, ReadSession, WriteSession, is_passing
from kernel.errors import InvalidCursor
from kernel.paging import Page, PageRequest, encode
from kernel.tables import RefusalRow

log = logging.getLogger(__name__)

ROWS_PER_MINUTE = 60
FLUSH_SECONDS = 1.0
CLOSE_SECONDS = 5.0
# What waits in one worker: callers and codes of a minute, and the rows of all of them.
GROUPS_MAX = 5_000
WAITING_MAX = 20_000
PATH_MAX = 256

Key = tuple[str, str, datetime]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused request; `facts` name the rule it was held against."""

    at: datetime
    correlation_id: str
    actor: Actor
    region_code: str
    method: str
    path: str
    code: str
    status: int
    facts: Mapping[str, Any]
    source: str | None

    @property
    def key(self) -> Key:
        return self.actor.id, self.code, self.at.replace(second=0, microsecond=0)


@dataclass(slots=True)
class _Waiting:
    rows: list[Refusal] = field(default_factory=list)
    more: Counter[Key] = field(default_factory=Counter)


class Refusals:
    """One worker's refusals on their way into the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting = _Waiting()
        self._noted: Counter[Key] = Counter()
        self._dropped = 0

    def note(self, refusal: Refusal) -> bool:
        """Keep the refusal; False when it is only counted, as one of too many."""
        key = refusal.key
        if key not in self._noted:
            self._forget_other_minutes(key[2])
            if len(self._noted) >= GROUPS_MAX:
                self._dropped += 1
                return False
        self._noted[key] += 1
        waits = self._waiting
        if self._noted[key] > ROWS_PER_MINUTE or len(waits.rows) >= WAITING_MAX:
            waits.more[key] += 1
            return False
        waits.rows.append(refusal)
        return True

    def _forget_other_minutes(self, minute: datetime) -> None:
        if self._noted and next(iter(self._noted))[2] != minute:
            self._noted.clear()

    async def run(self) -> None:
        """Write for ever what is noted; a database that is away is waited for."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("refusals wait: %r", error)

    async def flush(self) -> None:
        """Write what waits; on an error it goes on waiting."""
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            log.warning("%d refusals were not kept: too many callers at once", dropped)
        batch, self._waiting = self._waiting, _Waiting()
        if not (batch.rows or batch.more):
            return
        try:
            async with self._database.transaction() as session:
                await _write(session, batch)
        except BaseException:
            self._put_back(batch)
            raise

    def _put_back(self, batch: _Waiting) -> None:
        newer, self._waiting = self._waiting, batch
        room = WAITING_MAX - len(batch.rows)
        batch.rows += newer.rows[:room]
        batch.more += newer.more
        for refusal in newer.rows[room:]:
            batch.more[refusal.key] += 1
        if len(batch.more) > GROUPS_MAX:
            # The database has been away for minutes; the oldest counts go.
            batch.more = Counter(dict(list(batch.more.items())[-GROUPS_MAX:]))

    async def close(self) -> None:
        """Write what waits still, if the database takes it soon."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.flush()
        except Exception as error:  # noqa: BLE001 - the process ends, whatever this was
            log.warning("last refusals were not kept: %r", error)


_INSERT = text(f"""
    WITH coming AS (
        SELECT r.*, row_number() OVER (PARTITION BY actor_id, code, minute ORDER BY at) AS place
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
            (at timestamptz, minute timestamptz, correlation_id text, actor_kind text,
             actor_id text, department text, region_code text, method text, path text,
             code text, status int, facts jsonb, source text)
    ), known AS (
        SELECT actor_id, code, minute, count(*) AS rows FROM kernel.refusal
        WHERE (actor_id, code, minute) IN (SELECT actor_id, code, minute FROM coming)
        GROUP BY actor_id, code, minute
    )
    INSERT INTO kernel.refusal (at, minute, correlation_id, actor_kind, actor_id, department,
        region_code, method, path, code, status, facts, source, count)
    SELECT at, minute, correlation_id, actor_kind, actor_id, department, region_code, method,
        path, code, status, facts, source, 1
    FROM coming LEFT JOIN known USING (actor_id, code, minute)
    WHERE place + coalesce(known.rows, 0) <= {ROWS_PER_MINUTE}
    ORDER BY at
    RETURNING actor_id, code, minute
""")  # noqa: S608 - a number of our own
_COUNT = text("""
    UPDATE kernel.refusal AS known SET count = known.count + r.more
    FROM jsonb_to_recordset(CAST(:rest AS jsonb)) AS r
        (actor_id text, code text, minute timestamptz, more bigint)
    WHERE known.id = (
        SELECT max(id) FROM kernel.refusal AS last
        WHERE last.actor_id = r.actor_id AND last.code = r.code AND last.minute = r.minute
    )
""")


async def _write(session: WriteSession, batch: _Waiting) -> None:
    """Insert rows as far as their minute has room, and count the rest in its last row."""
    # One worker at a time, or two would each fill the room that is left.
    await locks.hold(session, locks.Lock.REFUSALS)
    rest = batch.more + Counter(refusal.key for refusal in batch.rows)
    rows = json.dumps([_row(refusal) for refusal in batch.rows], default=str)
    for key in await session.execute(_INSERT.bindparams(rows=rows)):
        rest[key.actor_id, key.code, key.minute] -= 1
    counted = [
        {"actor_id": key[0], "code": key[1], "minute": key[2], "more": more}
        for key, more in rest.items()
        if more > 0
    ]
    if counted:
        await session.execute(_COUNT.bindparams(rest=json.dumps(counted, default=str)))


def _row(refusal: Refusal) -> dict[str, Any]:
    return {
        "at": refusal.at,
        "minute": refusal.key[2],
        "correlation_id": refusal.correlation_id,
        "actor_kind": refusal.actor.kind,
        "actor_id": refusal.actor.id,
        "department": refusal.actor.department,
        "region_code": refusal.region_code,
        "method": refusal.method,
        "path": refusal.path[:PATH_MAX].replace("\x00", ""),
        "code": refusal.code,
        "status": refusal.status,
        "facts": dict(refusal.facts),
        "source": refusal.source,
    }


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which refusals to list; None leaves a criterion out. `seen_by` is a caller's sight."""

    seen_by: Sequence[Any]
    actor_kind: str | None = None
    actor_id: str | None = None
    code: str | None = None
    since: datetime | None = None


async def page(session: ReadSession, request: PageRequest, criteria: Criteria) -> Page[RefusalRow]:
    """Return refusals, the newest first; raises InvalidCursor."""
    query = select(RefusalRow).where(*criteria.seen_by)
    wanted = (
        (col(RefusalRow.actor_kind), criteria.actor_kind),
        (col(RefusalRow.actor_id), criteria.actor_id),
        (col(RefusalRow.code), criteria.code),
    )
    query = query.where(*(column == value for column, value in wanted if value is not None))
    if criteria.since is not None:
        query = query.where(col(RefusalRow.at) >= criteria.since)
    if request.after is not None:
        query = query.where(col(RefusalRow.id) < _place(request.after))
    newest = query.order_by(col(RefusalRow.id).desc()).limit(request.limit + 1)
    rows = (await session.exec(newest)).all()
    items = rows[: request.limit]
    return Page(items, encode(str(items[-1].id)) if len(rows) > request.limit else None)


def _place(mark: str) -> int:
    if not (mark.isascii() and mark.isdigit() and len(mark) < 19):  # noqa: PLR2004 - of a bigint
        raise InvalidCursor
    return int(mark)


async def find(
    session: ReadSession, correlation_id: str, seen_by: Sequence[Any]
) -> RefusalRow | None:
    """Return the last refusal with the id among those that the caller may see."""
    query = select(RefusalRow).where(RefusalRow.correlation_id == correlation_id, *seen_by)
    return (await session.exec(query.order_by(col(RefusalRow.id).desc()).limit(1))).first()


async def forget_old(session: WriteSession, now: datetime, *, days: int) -> int:
    """Delete rows past their term, at most a batch; return how many."""
    return await batches.delete_some(
        session, RefusalRow, col(RefusalRow.at) < now - timedelta(days=days)
    )
