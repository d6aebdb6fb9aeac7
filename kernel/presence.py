"""Each process tells the others that it runs, and how it is; whoever asks for the status reads it.

A process that was killed tells nothing more: it is shown with the moment at which it was last seen,
and forgotten after a day.
"""

import asyncio
import logging
import os
import platform
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from kernel.database import AWAY, Database, ReadSession
from kernel.tables import ProcessRow

log = logging.getLogger(__name__)

VERSION = "0.1.0"
TELL_SECONDS = 5.0
CLOSE_SECONDS = 2.0
# Longer than a process that lives can be silent.
MISSED_SECONDS = 30.0

_TELL = text("""
    WITH forgotten AS (
        DELETE FROM kernel.process WHERE seen_at < clock_timestamp() - interval '1 day'
    )
    INSERT INTO kernel.process (id, kind, node, pid, version, started_at, seen_at, told)
    VALUES (:id, :kind, :node, :pid, :version, clock_timestamp(), clock_timestamp(),
        CAST(:told AS jsonb))
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, told = excluded.told
""")
_LEAVE = text("DELETE FROM kernel.process WHERE id = :id")


class Presence:
    """One process; `about` returns what it tells of itself, in JSON."""

    def __init__(
        self, database: Database, kind: str, about: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._database = database
        self._about = about
        self._id = secrets.token_hex(8)
        self._own = {
            "id": self._id,
            "kind": kind,
            "node": platform.node(),
            "pid": os.getpid(),
            "version": VERSION,
        }

    async def run(self) -> None:
        """Tell for ever; while the database is away nobody hears of it."""
        while True:
            try:
                await self.tell()
            except (SQLAlchemyError, *AWAY) as e:
                log.debug("nobody was told that this process runs: %r", e)
            await asyncio.sleep(TELL_SECONDS)

    async def tell(self) -> None:
        about = orjson.dumps(dict(self._about())).decode()
        async with self._database.single() as connection:
            await connection.execute(_TELL.bindparams(told=about, **self._own))

    async def close(self) -> None:
        """Say that this process ends as it should."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS), self._database.single() as connection:
                await connection.execute(_LEAVE.bindparams(id=self._id))
        except (SQLAlchemyError, *AWAY) as error:
            log.debug("nobody was told that this process ends: %r", error)


async def seen(session: ReadSession) -> Sequence[ProcessRow]:
    """Return every process of the last day that has not ended as it should."""
    ordered = select(ProcessRow).order_by(
        col(ProcessRow.kind), col(ProcessRow.node), col(ProcessRow.pid)
    )
    return (await session.exec(ordered)).all()
