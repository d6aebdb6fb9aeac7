"""Waits for what must become true within a stated time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def eventually(
    true: Callable[[], bool] | Callable[[], Awaitable[bool]], *, within_seconds: float = 10.0
) -> float:
    """Return after how many seconds it was true; AssertionError when that took too long."""
    began = time.monotonic()
    while time.monotonic() < began + within_seconds:
        said = true()
        if await said if inspect.isawaitable(said) else said:
            return time.monotonic() - began
        await asyncio.sleep(0.02)
    raise AssertionError(f"not true after {within_seconds} s")
