"""Sessions and the only commit of the project (ADR 0002)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from kernel import audit

STATEMENT_TIMEOUT_MS = 15_000
LOCK_TIMEOUT_MS = 10_000
# SQLSTATE classes: connection, rollback (deadlock), resources, object in use, intervention.
PASSING = ("08", "40", "53", "55", "57")
# asyncpg trips over its own state when a connection ends in the middle of an operation.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError)


class ReadSession(AsyncSession):
    """A session that may only read: PostgreSQL refuses a write through it."""


class WriteSession(ReadSession):
    """A session whose transaction commits when the use case ends."""


class Database:
    """One pool of connections to one database."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = url
        self._engine = _engine(url, pool_size)
        self._read_only = self._engine.execution_options(postgresql_readonly=True)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[WriteSession]:
        """Commit when the block ends, audit events last; roll back when it raises."""
        async with WriteSession(self._engine, expire_on_commit=False) as session:
            yield session
            await session.flush()
            await audit.append_pending(session)
            await session.commit()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        async with ReadSession(self._read_only, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[ReadSession]:
        """Like `reading`, but all statements see one moment, however long they take."""
        steady = self._read_only.execution_options(isolation_level="REPEATABLE READ")
        async with ReadSession(steady, expire_on_commit=False) as session:
            yield session

    async def close(self) -> None:
        await self._engine.dispose()


def is_passing(error: BaseException) -> bool:
    """Whether trying again later may help: the database was lost or busy; nothing is wrong."""
    if isinstance(error, DBAPIError):
        lost = error.connection_invalidated or isinstance(error, OperationalError)
        return lost or sqlstate(error).startswith(PASSING)
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(PASSING)
    return isinstance(error, (PoolTimeout, *LOST, OSError, TimeoutError))


def sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's own code of an error, empty where it has none."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _engine(url: str, pool_size: int) -> AsyncEngine:
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={
            "timeout": 5,
            "server_settings": {
                "application_name": "shuyuan",
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "lock_timeout": str(LOCK_TIMEOUT_MS),
                "timezone": "UTC",
            },
        },
    )


async def raw_connection(url: str) -> asyncpg.Connection:
    """Open one connection outside the pool, for listening and for locks held for a life time."""
    return await asyncpg.connect(url, timeout=5, command_timeout=5)
