"""Every advisory lock of the project: its number, who takes it, how it is taken.

PostgreSQL keeps two key spaces: one of single numbers, one of pairs (class, key). Numbers are
unique across both, stay what they are for good (two releases run side by side during an upgrade),
and stand nowhere else: `tests/support/lints.py` finds advisory locks outside this module.
"""

from enum import IntEnum, unique
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlmodel.ext.asyncio.session import AsyncSession


@unique
class Lock(IntEnum):
    """Locks of one thing; the class of a keyed lock is the first number of its pair."""

    # A worker life: held by its listening connection (kernel/changes.py); key = life.
    LIFE = 809
    # Grants of a resource against its retirement (exchange/subscriptions); key = hash of the id.
    RESOURCE = 80_901
    # One transaction at a time lists a file of a ledger (exchange/metering/ledger); key = its page.
    LEDGER_FILE = 80_902
    # One transaction at a time drafts entries of a department by their names, from workbooks
    # (catalog/resources.py); key = hash of the department.
    NAMES = 80_903
    # One migration at a time (deploy/migrations/env.py).
    MIGRATION = 809_001
    # One relay at a time, else messages lose their order (exchange/relay.py).
    RELAY = 809_002
    # One transaction at a time numbers events, so that numbers follow commits (exchange/feed).
    FEED = 809_013
    # One worker at a time writes refusals (kernel/refusals.py).
    REFUSALS = 809_004
    # One transaction at a time decides which signing keys exist (auth/store/keys.py).
    SIGNING_KEYS = 809_003
    # One transaction at a time writes what entries are derived from (catalog/derivations.py).
    DERIVATIONS = 809_017
    # One transaction at a time merges or ends demands, with all that follow (exchange/demands).
    DEMANDS = 809_023
    # One transaction at a time changes the calendar, and reckons all that rests on it.
    CALENDAR = 809_031
    # One transaction at a time adds a device's code, so that their bound is exact (auth/oauth).
    DEVICE_CODES = 809_012
    # One transaction at a time looks for a verification under way (kernel/audit_verification.py).
    VERIFICATION = 809_032
    # One transaction at a time takes an administrator away (auth/store/administrators.py).
    ADMINISTRATORS = 809_011


KEYED = frozenset({Lock.LIFE, Lock.RESOURCE, Lock.LEDGER_FILE, Lock.NAMES})

_LIVING = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
    # Locks of other databases of the same server are listed too.
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid = :class AND objid = :key AND objsubid = 2)"
)

_HELD = text(
    "SELECT CAST(objid AS bigint) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid = :class AND objsubid = 2"
)


async def hold(session: "AsyncSession", lock: Lock) -> None:
    """Wait for the lock and hold it until the transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)").bindparams(lock=int(lock)))


async def try_hold(session: "AsyncSession", lock: Lock) -> bool:
    """Hold the lock until the transaction ends, or return False at once."""
    attempt = text("SELECT pg_try_advisory_xact_lock(:lock)").bindparams(lock=int(lock))
    return bool((await session.execute(attempt)).scalar_one())


async def hold_named(session: "AsyncSession", lock: Lock, name: str, *, alone: bool) -> None:
    """Hold the keyed lock of `name` until the transaction ends, alone or with others who share."""
    kind = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    statement = text(f"SELECT {kind}(:class, hashtext(:name))")
    await session.execute(statement.bindparams(**{"class": int(lock), "name": name}))


async def hold_for_connection(connection: "AsyncConnection", lock: Lock) -> None:
    """Wait for the lock and hold it as long as the connection stands."""
    await connection.execute(text("SELECT pg_advisory_lock(:lock)").bindparams(lock=int(lock)))


async def try_hold_for_connection(connection: "asyncpg.Connection", lock: Lock) -> bool:
    """Hold the lock until this raw connection releases it or ends, or return False at once."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", int(lock)))


async def release(connection: "asyncpg.Connection", lock: Lock) -> None:
    """Give back a lock that this raw connection holds."""
    await connection.execute("SELECT pg_advisory_unlock($1)", int(lock))


async def hold_keyed_for_connection(connection: "asyncpg.Connection", lock: Lock, key: int) -> None:
    """Hold the keyed lock as long as this raw connection stands."""
    await connection.execute("SELECT pg_advisory_lock($1, $2)", int(lock), key)


async def release_keyed(connection: "asyncpg.Connection", lock: Lock, key: int) -> None:
    """Give back a keyed lock that this raw connection holds."""
    await connection.execute("SELECT pg_advisory_unlock($1, $2)", int(lock), key)


async def is_held(session: "AsyncSession", lock: Lock, key: int) -> bool:
    """Whether any connection to this database holds the keyed lock."""
    rows = await session.execute(_LIVING.bindparams(**{"class": int(lock), "key": key}))
    return bool(rows.scalar_one())


async def held_keys(session: "AsyncSession", lock: Lock) -> list[int]:
    """Return the keys of a keyed lock that any connection to this database holds."""
    rows = await session.execute(_HELD.bindparams(**{"class": int(lock)}))
    return sorted(rows.scalars())
