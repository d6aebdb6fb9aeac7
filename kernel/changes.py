"""Pushes changes of rules to every worker, and knows how fresh a worker's rules are (P3).

A change is announced with NOTIFY in its transaction. Each worker listens on a connection of its
own and sends itself a notification through it several times a second: while that comes back, no
other can have been missed. Without it the rules grow stale and nothing may leave the worker: a
transaction pooler, which answers queries and swallows LISTEN, is noticed like a lost database.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import text

from kernel import clock, locks
from kernel.database import AWAY, raw_connection
from kernel.database_access import DatabaseAddress, trouble_of
from kernel.ids import new_id

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

log = logging.getLogger(__name__)

CHANNEL = "shuyuan_changes"
HEARTBEAT_SECONDS = 0.2
# The life of a worker is a lease: PostgreSQL ends a listening session that asks nothing for so
# long, whether its host froze, vanished or was cut off.
LEASE_SECONDS = 8
LEASE = {
    "application_name": "shuyuan-changes",
    "idle_session_timeout": f"{LEASE_SECONDS}s",
    # A host that vanished amid an answer: nothing is acknowledged any more.
    "tcp_user_timeout": f"{LEASE_SECONDS}s",
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}

OnChange = Callable[[str], None]


async def announce(session: "AsyncSession", kind: str, key: str) -> None:
    """Tell every worker, at commit, that the `kind` of thing named `key` has changed."""
    notify = text("SELECT pg_notify(:channel, :message)")
    await session.execute(notify.bindparams(channel=CHANNEL, message=f"{kind}:{key}"))


async def announce_all(session: "AsyncSession", kind: str, keys: Collection[str]) -> None:
    """Tell every worker of many things at once."""
    if keys:
        notify = text(
            "SELECT count(pg_notify(:channel, :kind || ':' || key))"
            " FROM unnest(CAST(:keys AS text[])) AS key"
        )
        values = {"channel": CHANNEL, "kind": kind, "keys": list(keys)}
        await session.execute(notify.bindparams(**values))


class NotHeardError(Exception):
    """The database answers, and a notification sent through the same connection never came."""

    def __init__(self) -> None:
        super().__init__(
            "the database answers, but notifications do not arrive: a transaction pooler between"
            " them swallows LISTEN; let SHUYUAN_DATABASE_URL name PostgreSQL itself or a session"
            " pooler"
        )


class ChangeFeed:
    """One worker's ear. `life` numbers the connection; others see its lock while it lives."""

    def __init__(self, place: DatabaseAddress, *, stale_seconds: float) -> None:
        self._place = place
        self._stale_seconds = stale_seconds
        self._listeners: dict[str, list[OnChange]] = {}
        self._reset: list[Callable[[], None]] = []
        self.fresh_until = 0.0
        self._life: int | None = None
        self._lease_until = 0.0
        self._connection: asyncpg.Connection | None = None
        # A connection takes one statement at a time.
        self._asking = asyncio.Lock()
        # Nobody else's beats are heard on a channel of one's own.
        self._own_channel = f"shuyuan_beat_{new_id()}"
        self._heard = asyncio.Event()

    def on(self, kind: str, listener: OnChange) -> None:
        self._listeners.setdefault(kind, []).append(listener)

    def on_reset(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever changes may have been missed."""
        self._reset.append(listener)

    @property
    def fresh(self) -> bool:
        """Whether rules were confirmed recently enough to let a record leave."""
        return clock.monotonic() < self.fresh_until

    @property
    def life(self) -> int | None:
        """The number of this life, None once others may hold it for ended."""
        return self._life if clock.monotonic() < self._lease_until else None

    def renew(self) -> None:
        """Give the lease up and begin anew, with every life of it over and every rule dropped."""
        if self._connection is not None:
            self._life = None
            self._connection.terminate()

    async def begin_life(self) -> int | None:
        """Begin another life, which ends with this lease at the latest; None without a lease."""
        connection = self._connection
        if self.life is None or connection is None:
            return None
        try:
            async with self._asking:
                return await _begin_life(connection)
        except AWAY as error:
            log.warning("no other life could begin: %s", error)
            return None

    async def end_life(self, number: int) -> None:
        """End one life of this lease: what it left undecided may then be settled."""
        connection = self._connection
        if connection is None or connection.is_closed():
            return
        try:
            async with self._asking:
                await locks.release_keyed(connection, locks.Lock.LIFE, number)
        except AWAY as error:
            # Whether it ended is not known; with the connection it certainly does.
            log.warning("life %d ends with its connection: %s", number, error)
            connection.terminate()

    async def run(self) -> None:
        """Listen for ever, reconnecting; a lost connection makes the rules stale."""
        while True:
            try:
                await self._listen()
            except AWAY as error:
                log.warning("change feed lost: %s", trouble_of(error) or error)
            except NotHeardError as error:
                log.error("change feed lost: %s", error)  # noqa: TRY400 - the text says it all
            except Exception:
                log.exception("change feed lost")
            self._life = None
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _listen(self) -> None:
        connection = await raw_connection(self._place, server_settings=LEASE)
        try:
            await connection.add_listener(CHANNEL, self._received)
            await connection.add_listener(self._own_channel, self._beat_came)
            life = await _begin_life(connection)
            await self._beat(connection)
            self._life, self._connection = life, connection
            for reset in self._reset:
                reset()
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                await self._beat(connection)
        finally:
            connection.terminate()

    async def _beat(self, connection: asyncpg.Connection) -> None:
        asked_at = clock.monotonic()
        self._heard.clear()
        patience = self._stale_seconds * 2
        beat = "SELECT pg_notify($1, '')"
        async with self._asking:
            await connection.fetchval(beat, self._own_channel, timeout=patience)
        try:
            async with asyncio.timeout(patience):
                await self._heard.wait()
        except TimeoutError:
            raise NotHeardError from None
        self.fresh_until = asked_at + self._stale_seconds
        self._lease_until = asked_at + LEASE_SECONDS

    def _beat_came(self, *_notification: object) -> None:
        self._heard.set()

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
