"""Passwords as Argon2id hashes."""

import asyncio

from auth import passwords
from kernel.errors import Unavailable


async def test_a_password_fits_its_own_hash_only() -> None:
    stored = await passwords.digest("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert await passwords.fits(stored, "correct horse battery")
    assert not await passwords.fits(stored, "correct horse batterz")
    assert stored != await passwords.digest("correct horse battery")


async def test_nobodys_password_never_fits() -> None:
    assert not await passwords.fits(None, "nobody has this password")
    assert not await passwords.fits("no hash", "nobody has this password")


async def test_a_password_fits_however_it_was_composed() -> None:
    stored = await passwords.digest("cafe\u0301 au lait")
    assert await passwords.fits(stored, "caf\u00e9 au lait")


async def test_too_many_sign_ins_of_one_source_are_sent_away() -> None:
    """64 sign-ins of anybody once waited for two threads, and staff waited behind them (C21)."""
    strangers = [passwords.fits(None, "x", source="203.0.113.7") for _ in range(20)]
    tried = await asyncio.gather(*strangers, passwords.fits(None, "x"), return_exceptions=True)
    served = passwords.THREADS + passwords.EACH_MAX
    assert sum(isinstance(one, Unavailable) for one in tried) == 20 - served
    assert tried[-1] is False
