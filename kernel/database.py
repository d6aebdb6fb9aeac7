"""Sessions and the only commit of the project (ADR 0002)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import Executable, event, text
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from kernel import audit, leaving
from kernel.clock import monotonic
from kernel.database_access import DatabaseAccess, DatabaseAddress, access
from kernel.metrics import Histogram

STATEMENT_TIMEOUT_MS = 15_000
LOCK_TIMEOUT_MS = 10_000
# A worker that froze in the middle of a transaction keeps its locks so long.
IDLE_IN_TRANSACTION_MS = 60_000
# A connection is asked whether it still answers after a rest of this.
ASKED_AFTER_SECONDS = 10.0
# Statements of a snapshot read whole tables (audit verify).
SNAPSHOT_STATEMENT_MS = 600_000
DATABASE_SECONDS = Histogram(
    "shuyuan_database_seconds", "from a statement to its answer, by where it is made", "way"
)
_IN_SESSIONS = DATABASE_SECONDS.of("session")
# What SQLAlchemy need know; the rest is DatabaseAccess'.
ENGINE = "postgresql+asyncpg://"
POOLED = {
    "application_name": "shuyuan",
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "lock_timeout": str(LOCK_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
    "timezone": "UTC",
}
# SQLSTATE classes: connection, rollback (deadlock), resources, object in use, intervention; and
# a transaction that was ended because nothing came for too long.
PASSING = ("08", "40", "53", "55", "57", "25P03")
# The session ended: whether before or after its commit, it does not say.
ENDED = ("08", "57")
# asyncpg trips over its own state when a connection ends in the middle of an operation.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError)
# What a connection raises while the database refuses, is away or does not answer in time.
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, *LOST)


class ReadSession(AsyncSession):
    """A session that may only read: PostgreSQL refuses a write through it."""


class _Changing(Session):
    """Has its connection: whoever asked for the change may leave now, and it goes on."""


@event.listens_for(_Changing, "after_begin")
def _begun(*_arguments: object) -> None:
    leaving.begin()


class WriteSession(ReadSession):
    """A session whose transaction commits when the use case ends."""

    sync_session_class = _Changing


@asynccontextmanager
async def savepoint(session: WriteSession) -> AsyncIterator[None]:
    """Undo what the block did, its audit events too, where it raises; the session goes on."""
    mark = audit.pending(session)
    try:
        async with session.begin_nested():
            yield
    except BaseException:
        audit.forget_after(session, mark)
        raise


class Database:
    """One pool of connections to one database."""

    def __init__(self, place: DatabaseAddress, *, pool_size: int = 8) -> None:
        self.access = access(place)
        self._engine = _engine(self.access, pool_size)
        self._read_only = self._engine.execution_options(postgresql_readonly=True)
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")

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
    async def single(self) -> AsyncIterator[AsyncConnection]:
        """Let each statement be a transaction of its own, without the way for BEGIN and COMMIT.

        For statements of hot paths that decide alone and leave no audit event.
        """
        async with self._autocommit.connect() as connection:
            leaving.begin()
            yield connection

    async def holds(self, question: Executable) -> bool:
        """Return the one value of a question, asked by one statement.

        A loop that asks twice a second whether there is work takes no lock and no transaction.
        """
        async with self.single() as connection:
            return bool((await connection.execute(question)).scalar_one())

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[ReadSession]:
        """Like `reading`, but all statements see one moment, however long they take."""
        steady = self._read_only.execution_options(isolation_level="REPEATABLE READ")
        async with ReadSession(steady, expire_on_commit=False) as session:
            for name, bound in _SNAPSHOT_BOUNDS:
                await session.execute(text(f"SET LOCAL {name} = {bound}"))
            yield session

    def connections(self) -> dict[str, int]:
        """Return how many connections of the pool are in use, idle, and allowed."""
        pool = self._engine.pool
        assert isinstance(pool, AsyncAdaptedQueuePool)  # noqa: S101 - narrows the type
        return {"used": pool.checkedout(), "idle": pool.checkedin(), "allowed": pool.size()}

    @property
    def url(self) -> str:
        return self.access.url

    async def close(self) -> None:
        await self._engine.dispose()


def is_passing(error: BaseException) -> bool:
    """Whether trying again later may help: the database was lost or busy; nothing is wrong."""
    if isinstance(error, DBAPIError):
        if _is_outdated_plan(error.orig):
            return True
        lost = error.connection_invalidated or isinstance(error, OperationalError)
        return lost or sqlstate(error).startswith(PASSING)
    if isinstance(error, asyncpg.PostgresError):
        return _is_outdated_plan(error) or (error.sqlstate or "").startswith(PASSING)
    return isinstance(error, (PoolTimeout, *LOST, OSError, TimeoutError))


def is_undone(error: BaseException) -> bool:
    """Whether a transaction that raised this has left nothing for certain.

    One whose connection was lost or whose caller was cancelled may stand: the server was asked to
    commit, and its answer did not come.
    """
    if isinstance(error, DBAPIError):
        return bool(state := sqlstate(error)) and not state.startswith(ENDED)
    if isinstance(error, asyncpg.PostgresError):
        return not (error.sqlstate or ENDED[0]).startswith(ENDED)
    lost = isinstance(error, (*LOST, OSError, TimeoutError))
    return isinstance(error, Exception) and not lost


def _is_outdated_plan(error: BaseException | None) -> bool:
    """Whether a migration changed a table under a prepared statement: it is prepared anew then."""
    outdated = asyncpg.InvalidCachedStatementError
    return isinstance(error, outdated) or isinstance(getattr(error, "__cause__", None), outdated)


def sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's own code of an error, empty where it has none."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


_SNAPSHOT_BOUNDS = (
    ("idle_in_transaction_session_timeout", 0),
    ("statement_timeout", SNAPSHOT_STATEMENT_MS),
)


def _engine(reached: DatabaseAccess, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        ENGINE,
        async_creator=partial(reached.connect, timeout=5, server_settings=POOLED),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        # Parameters are password hashes and personal data: no message may show them.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkin", _rest)
    event.listen(engine.sync_engine, "checkout", partial(_require_usable, engine.dialect))
    event.listen(engine.sync_engine, "handle_error", _hide_values)
    event.listen(engine.sync_engine, "before_cursor_execute", _begin)
    event.listen(engine.sync_engine, "after_cursor_execute", _end)
    return engine


def _rest(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info["rested_at"] = monotonic()


def _require_usable(
    dialect: Dialect, connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Raise DisconnectionError, upon which the pool opens another one, for one that has ended.

    Its end is told as a rule: to ask before each statement took three more. Asked is one that has
    rested, whose end a firewall between may have kept to itself.
    """
    if record.driver_connection.is_closed():  # type: ignore[union-attr]
        raise DisconnectionError
    rested_at = record.info.pop("rested_at", None)
    if rested_at is not None and monotonic() - rested_at > ASKED_AFTER_SECONDS:
        try:
            dialect.do_ping(connection)
        except (*AWAY, dialect.dbapi.Error) as error:  # type: ignore[union-attr]
            raise InvalidatePoolError from error


def _begin(*arguments: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
    arguments[4].begun_at = monotonic()


def _end(*arguments: Any) -> None:  # noqa: ANN401
    _IN_SESSIONS.add(monotonic() - arguments[4].begun_at)


def _hide_values(context: ExceptionContext) -> None:
    """Cut PostgreSQL's details off an error: "Failing row contains (…)" shows whole records."""
    error: BaseException | None = context.sqlalchemy_exception or context.original_exception
    for each in (error, context.original_exception, context.original_exception.__cause__):
        if isinstance(each, asyncpg.PostgresError):
            each.detail = None
        elif each is not None:
            each.args = tuple(
                part.partition("\nDETAIL:")[0] if isinstance(part, str) else part
                for part in each.args
            )


async def raw_connection(
    place: DatabaseAddress, *, server_settings: Mapping[str, str] | None = None
) -> asyncpg.Connection:
    """Open one connection outside the pool, for listening and for locks held for a life time."""
    return await access(place).connect(
        timeout=5, command_timeout=5, server_settings=dict(server_settings or {})
    )
