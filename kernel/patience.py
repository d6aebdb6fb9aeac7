"""Work that waits where a database or a broker is away, and goes on by itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kernel.database import is_passing
from kernel.errors import Unavailable

log = logging.getLogger(__name__)

Done = TypeVar("Done")


async def patiently(
    work: Callable[[], Awaitable[Done]], waiting: str, seconds: float
) -> Done | None:
    """Do it once, or wait some seconds and return None where what it needs is away.

    `waiting` says so in the log. Raises any other error.
    """
    try:
        return await work()
    except Exception as error:
        if not (isinstance(error, Unavailable) or is_passing(error)):
            raise
        log.warning("%s: %r", waiting, error)
        await asyncio.sleep(seconds)
        return None


async def look_for_ever(
    look: Callable[[], Awaitable[bool]], waiting: str, *, every: float, retry: float
) -> None:
    """Look every so many seconds, at once again where there was something; as `patiently`."""
    while True:
        while await patiently(look, waiting, retry):
            pass
        await asyncio.sleep(every)
