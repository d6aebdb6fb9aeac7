"""Pushes changes of rules to every worker, and knows how fresh a worker's rules are (P3).

A change is announced with NOTIFY in its transaction. Each worker listens on a connection of its
own and asks it for a sign of life several times a second: while that answers, no notification
can have been missed. Without an answer the rules grow stale and nothing may leave the worker.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import text

from kernel import clock, locks
from kernel.database import raw_connection

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

log = logging.getLogger(__name__)

CHANNEL = "shuyuan_changes"
HEARTBEAT_SECONDS = 0.2

OnChange = Callable[[str], None]


async def announce(session: "AsyncSession", kind: str, key: str) -> None:
    """Tell every worker, at commit, that the `kind` of thing named `key` has changed."""
    notify = text("SELECT pg_notify(:channel, :message)")
    await session.execute(notify.bindparams(channel=CHANNEL, message=f"{kind}:{key}"))


class ChangeFeed:
    """One worker's ear. `life` numbers the connection; others see its lock while it lives."""

    def __init__(self, database_url: str, *, stale_seconds: float) -> None:
        self._url = database_url
        self._stale_seconds = stale_seconds
        self._listeners: dict[str, list[OnChange]] = {}
        self._reset: list[Callable[[], None]] = []
        self.fresh_until = 0.0
        self.life: int | None = None
        self._connection: asyncpg.Connection | None = None

    def on(self, kind: str, listener: OnChange) -> None:
        self._listeners.setdefault(kind, []).append(listener)

    def on_reset(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever changes may have been missed."""
        self._reset.append(listener)

    @property
    def fresh(self) -> bool:
        """Whether rules were confirmed recently enough to let a record leave."""
        return clock.monotonic() < self.fresh_until

    def renew(self) -> None:
        """End this life and begin another: what it left undecided may then be settled."""
        if self._connection is not None:
            self.life = None
            self._connection.terminate()

    async def run(self) -> None:
        """Listen for ever, reconnecting; a lost connection makes the rules stale."""
        while True:
            try:
                await self._listen()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("change feed lost: %s", error)
            except Exception:
                log.exception("change feed lost")
            self.life = None
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _listen(self) -> None:
        connection = await raw_connection(self._url)
        try:
            await connection.add_listener(CHANNEL, self._received)
            self.life = await _begin_life(connection)
            self._connection = connection
            for reset in self._reset:
                reset()
            while True:
                await self._beat(connection)
                await asyncio.sleep(HEARTBEAT_SECONDS)
        finally:
            connection.terminate()

    async def _beat(self, connection: asyncpg.Connection) -> None:
        asked_at = clock.monotonic()
        await connection.fetchval("SELECT 1", timeout=self._stale_seconds * 2)
        self.fresh_until = asked_at + self._stale_seconds

    def _received(self, _connection: object, _pid: int, _channel: str, message: str) -> None:
        kind, _, key = message.partition(":")
        for listener in self._listeners.get(kind, ()):
            listener(key)


async def _begin_life(connection: asyncpg.Connection) -> int:
    """Take the next number and hold its lock as long as the connection stands."""
    life = int(await connection.fetchval("SELECT nextval('kernel.life')"))
    await locks.hold_keyed_for_connection(connection, locks.Lock.LIFE, life)
    return life


async def is_living(session: "AsyncSession", life: int) -> bool:
    """Whether the worker life with this number still holds its connection."""
    return await locks.is_held(session, locks.Lock.LIFE, life)
