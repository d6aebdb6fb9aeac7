"""Passwords as Argon2id hashes, computed off the event loop and not too many at once."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from auth.fair_queue import FairQueue
from auth.rules import check_password, normal
from kernel import leaving
from kernel.errors import FieldErrors

# OWASP's Argon2id setting of 19 MiB and two passes: a tenth of the time of RFC 9106's second
# choice, so that sign-ins do not take the cores away from records.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
THREADS = 2
# Of known people together, of strangers together, and of the strangers of one source.
WAITING_MAX, EACH_MAX = 32, 4

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
_queue = FairQueue(THREADS, known_max=WAITING_MAX, strangers_max=WAITING_MAX, each_max=EACH_MAX)
Result = TypeVar("Result")


async def digest(password: str) -> str:
    """Return the Argon2id hash; raises Unavailable when too many wait."""
    return await _apart(lambda: HASHER.hash(normal(password)))


async def digest_of_fair(password: str, username: str) -> str:
    """Return the hash of a password that the rules allow, and "" for any other.

    The use case says what is wrong with that one, together with all else.
    """
    errors = FieldErrors()
    check_password(password, username, errors, "password")
    return "" if errors.found else await digest(password)


async def fits(stored: str | None, password: str, *, source: str | None = None) -> bool:
    """Compare; without a stored hash the same time is spent, and the answer is no.

    `source` is where a stranger comes from; who is known goes first. Raises Unavailable.
    """
    return await _apart(
        lambda: _fits(stored or _nobodys(), password) and stored is not None, source
    )


def _fits(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored, normal(password))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return HASHER.hash("nobody has this password")


async def _apart(work: Callable[[], Result], source: str | None = None) -> Result:
    async with _queue.turn(source):
        # What a guess costs is counted, also of somebody who does not wait for the answer.
        leaving.begin()
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
