"""Whether a transaction left nothing, told by what it raised."""

import asyncio

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from kernel.database import is_undone
from kernel.errors import Conflict


def wrapped(error: Exception) -> DBAPIError:
    """Return an error of the driver as SQLAlchemy raises it."""
    return DBAPIError("COMMIT", None, error)


@pytest.mark.parametrize(
    "error",
    [
        Conflict(),
        ValueError(),
        # No connection was to be had: nothing was asked of the server.
        PoolTimeout(),
        asyncpg.UniqueViolationError("twice"),
        wrapped(asyncpg.UniqueViolationError("twice")),
        wrapped(asyncpg.SerializationError("again")),
    ],
)
def test_what_the_server_refused_left_nothing(error: BaseException) -> None:
    assert is_undone(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncio.CancelledError(),
        ConnectionResetError(),
        TimeoutError(),
        asyncpg.InterfaceError("closed"),
        asyncpg.ConnectionDoesNotExistError("closed"),
        asyncpg.AdminShutdownError("stopping"),
        wrapped(asyncpg.AdminShutdownError("stopping")),
        wrapped(asyncpg.InterfaceError("closed")),
    ],
)
def test_what_nobody_was_told_of_may_stand(error: BaseException) -> None:
    assert not is_undone(error)
