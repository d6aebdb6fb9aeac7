"""A lock for work that no transaction may span: held by a connection of its own, outside the pool.

Who waits for a broker under it keeps no transaction open and no connection from others.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from kernel import locks
from kernel.database import is_passing, raw_connection
from kernel.database_access import DatabaseAddress


class Exclusive:
    """One process's way to a lock; one turn at a time."""

    def __init__(self, place: DatabaseAddress, lock: locks.Lock) -> None:
        self._place = place
        self._lock = lock
        self._connection: asyncpg.Connection | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """Hold the lock for the block, or yield False where another holds it.

        Raises asyncpg's errors, OSError, TimeoutError; `kernel.database.is_passing` judges them. A
        connection that is lost gives the lock away: the block must bear that another begins.
        """
        connection = await self._open()
        try:
            is_held = await locks.try_hold_for_connection(connection, self._lock)
        except BaseException:
            await self.close()
            raise
        try:
            yield is_held
        finally:
            if is_held:
                await self._give_back(connection)

    async def _give_back(self, connection: asyncpg.Connection) -> None:
        try:
            await locks.release(connection, self._lock)
        except Exception as error:
            # The lock has gone with its connection, or goes with it now.
            await self.close()
            if not is_passing(error):
                raise

    async def _open(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await raw_connection(self._place)
        return self._connection

    async def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.terminate()
