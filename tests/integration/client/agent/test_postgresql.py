"""What the agent needs of a database, of a real PostgreSQL."""

import asyncio
import struct
from urllib.parse import urlsplit

import pytest

from deploy.local.stack import Endpoints
from shuyuan_client.agent.config import DatabaseSettings
from shuyuan_client.agent.databases import DatabaseGone
from shuyuan_client.agent.postgresql import PostgreSql

FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
FAREWELL = b"E" + struct.pack("!I", len(FIELDS) + 4) + FIELDS


async def test_a_farewell_that_was_read_between_two_calls_is_a_database_that_is_gone(
    endpoints: Endpoints,
) -> None:
    """A killed server's last word had been read, and not yet that the connection was closed.

    The agent ended by `cannot switch to state 12; another operation (2) is in progress`.
    """
    await asyncio.to_thread(_told_farewell, endpoints.database_url)


def _told_farewell(url: str) -> None:
    place = urlsplit(url)
    settings = DatabaseSettings(
        kind="postgresql", host=str(place.hostname), port=place.port,
        database=place.path.lstrip("/"), user=str(place.username), tls="off",
    )  # fmt: skip
    database = PostgreSql(settings, place.password)
    try:
        assert database.fetch("SELECT 1") == [(1,)]
        database._connection._protocol.data_received(FAREWELL)
        with pytest.raises(DatabaseGone):
            database.execute("SELECT 1")
    finally:
        database.close()
