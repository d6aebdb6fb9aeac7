"""Waits for what must become true, also on a machine that does much else."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

# What takes a second on an idle machine may take so many on a busy one. How fast the platform is,
# the benchmark says; a test that waits longer than it must costs nothing.
BUSY = 12


async def eventually(
    true: Callable[[], bool] | Callable[[], Awaitable[bool]], *, within_seconds: float = 10.0
) -> float:
    """Return after how many seconds it was true; AssertionError when that took too long.

    `within_seconds` is meant for an idle machine: a busy one is given BUSY times as long.
    """
    began = time.monotonic()
    while time.monotonic() < began + patience(within_seconds):
        said = true()
        if await said if inspect.isawaitable(said) else said:
            return time.monotonic() - began
        await asyncio.sleep(0.02)
    raise AssertionError(f"not true after {patience(within_seconds)} s")


def patience(seconds: float) -> float:
    """Return how long to wait for what an idle machine does within `seconds`."""
    return max(seconds * BUSY, 60.0)
