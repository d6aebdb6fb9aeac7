"""Passwords as Argon2id hashes, computed off the event loop and not too many at once."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from auth.rules import normal
from kernel.errors import Unavailable

# OWASP's Argon2id setting of 19 MiB and two passes: a tenth of the time of RFC 9106's second
# choice, so that sign-ins do not take the cores away from records.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
THREADS = 2
WAITING_MAX = 64

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
_waiting: set[object] = set()
Result = TypeVar("Result")


async def digest(password: str) -> str:
    """Return the Argon2id hash; raises Unavailable when too many wait."""
    return await _apart(lambda: HASHER.hash(normal(password)))


async def fits(stored: str | None, password: str) -> bool:
    """Compare; without a stored hash the same time is spent, and the answer is no."""
    return await _apart(lambda: _fits(stored or _nobodys(), password) and stored is not None)


def _fits(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored, normal(password))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return HASHER.hash("nobody has this password")


async def _apart(work: Callable[[], Result]) -> Result:
    if len(_waiting) >= WAITING_MAX:
        raise Unavailable("登录请求过多，请稍后再试", "Too many sign-ins at once; try again later")
    place = object()
    _waiting.add(place)
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
    finally:
        _waiting.discard(place)
