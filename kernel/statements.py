"""Statements too frequent for a session: each its own transaction, on a connection of their own.

A session costs a hundred times what such a statement does (loadtests/README.md). Nothing that
leaves a trace in the audit may go this way: only a session's commit writes it (ADR 0002).
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg

from kernel.clock import monotonic
from kernel.database import DATABASE_SECONDS, raw_connection
from kernel.database_access import DatabaseAddress

_ALONE = DATABASE_SECONDS.of("statement")


class Statements:
    """One connection, opened when it is first needed and again after it was lost."""

    def __init__(self, place: DatabaseAddress) -> None:
        self._place = place
        self._connection: asyncpg.Connection | None = None
        self._turn = asyncio.Lock()

    async def run(self, sql: str, *arguments: Any) -> Sequence[asyncpg.Record]:  # noqa: ANN401
        """Commit one statement and return its rows, one statement after another.

        Raises asyncpg's errors, OSError, TimeoutError; `kernel.database.is_passing` judges them.
        """
        async with self._turn:
            connection = await self._open()
            asked_at = monotonic()
            try:
                return await connection.fetch(sql, *arguments)  # type: ignore[no-any-return]
            except Exception as error:
                if _is_of_the_connection(error):
                    self._drop()
                raise
            finally:
                _ALONE.add(monotonic() - asked_at)

    async def _open(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await raw_connection(self._place)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        async with self._turn:
            self._drop()


def _is_of_the_connection(error: Exception) -> bool:
    """Whether the connection is no longer to be trusted; asyncpg itself trips over a lost one."""
    refused = isinstance(error, asyncpg.PostgresError)
    return not refused or isinstance(error, asyncpg.PostgresConnectionError)
