"""Passwords as Argon2id hashes."""

import asyncio

import pytest

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


async def test_too_many_sign_ins_at_once_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING_MAX", 3)
    tried = await asyncio.gather(
        *(passwords.fits(None, "x") for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(one, Unavailable) for one in tried) == 3
    assert not passwords._waiting
