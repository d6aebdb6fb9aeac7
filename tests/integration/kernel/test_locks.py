"""Each advisory lock has a number of its own, and is one of its own database."""

from auth.store import keys
from deploy.local.stack import Endpoints
from kernel import locks, outbox
from kernel.database import Database
from kernel.locks import Lock
from tests.support.databases import connected, new_database

LIFE = 2**31 - 5


async def test_a_relay_that_waits_for_the_broker_keeps_nobody_from_rotating_keys(
    database: Database,
) -> None:
    """Relay and keys shared one number: without a broker no key could be rotated (I13)."""
    async with database.transaction() as relay, database.transaction() as rotation:
        await outbox.take(relay, 1)
        assert await locks.try_hold(rotation, Lock.SIGNING_KEYS)
        await keys.lock(rotation)


async def test_a_life_in_another_database_of_the_server_is_not_one_of_ours(
    database: Database, endpoints: Endpoints
) -> None:
    """Two installations on one server kept each other's dead lives alive (B23)."""
    async with new_database(endpoints.database_url) as elsewhere, connected(elsewhere) as other:
        await locks.hold_keyed_for_connection(other, Lock.LIFE, LIFE)
        assert not await _is_held(database)
    async with connected(endpoints.database_url) as own:
        await locks.hold_keyed_for_connection(own, Lock.LIFE, LIFE)
        assert await _is_held(database)


async def _is_held(database: Database) -> bool:
    async with database.reading() as session:
        return await locks.is_held(session, Lock.LIFE, LIFE)
