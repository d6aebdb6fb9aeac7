"""Each advisory lock has a number of its own, and is one of its own database."""

from auth.store import keys
from deploy.local.stack import Endpoints
from kernel import locks
from kernel.database import Database
from kernel.exclusive import Exclusive
from kernel.locks import Lock
from tests.support.databases import connected, new_database

LIFE = 2**31 - 5


async def test_a_relay_that_waits_for_the_broker_keeps_nobody_from_rotating_keys(
    database: Database,
) -> None:
    """Relay and keys shared one number: without a broker no key could be rotated (I13)."""
    relay = Exclusive(database.access, Lock.RELAY)
    async with relay.turn() as held, database.transaction() as rotation:
        assert held
        assert await locks.try_hold(rotation, Lock.SIGNING_KEYS)
        await keys.lock(rotation)
    await relay.close()


async def test_a_lock_without_a_transaction_is_held_by_one_and_given_back(
    database: Database,
) -> None:
    first, second = (Exclusive(database.access, Lock.RELAY) for _ in range(2))
    async with first.turn() as held, second.turn() as also:
        assert (held, also) == (True, False)
    async with second.turn() as held:
        assert held
        await first.close()
    await second.close()


async def test_a_lock_goes_with_its_connection(database: Database) -> None:
    first, second = (Exclusive(database.access, Lock.RELAY) for _ in range(2))
    async with first.turn() as held:
        assert held
        await first.close()
        async with second.turn() as also:
            assert also
    await second.close()


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
