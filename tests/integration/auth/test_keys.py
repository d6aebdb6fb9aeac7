"""Signing keys: made once, rotated without a gap, ended at once when they leaked."""

import asyncio
from datetime import timedelta

import pytest

from auth import keys
from auth.errors import TokenInvalid
from auth.keys import KeyRing
from kernel import clock
from kernel.actor import SYSTEM
from kernel.database import Database
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from tests.support.eventually import eventually
from tests.support.registry import Registry, token_of, verifying


async def test_the_first_key_is_made_once_whoever_races(
    own_database: Database, own_settings: Settings
) -> None:
    box = Secretbox(own_settings.master_key_bytes())
    rings = [KeyRing(own_database, box) for _ in range(8)]
    made = await asyncio.gather(*(ring.signing() for ring in rings))
    assert len({key.kid for key in made}) == 1
    assert len((await rings[0].jwks())["keys"]) == 1


async def test_after_a_rotation_old_tokens_live_and_new_ones_are_known_everywhere(
    own_database: Database, own_settings: Settings
) -> None:
    box = Secretbox(own_settings.master_key_bytes())
    registry = Registry(own_database)
    client = (await registry.client((await registry.department()).uscc)).client
    async with (
        verifying(own_database, own_settings) as (here, _),
        verifying(own_database, own_settings) as (there, _),
    ):
        old = await here.keys.signing()
        token = (await token_of(here, client)).text.encode()
        async with own_database.transaction() as session:
            kid = await keys.rotate(session, box, SYSTEM, token_seconds=60)
        assert (await here.keys.signing()).kid == old.kid

        async def signs() -> bool:
            return (await here.keys.signing()).kid == kid

        waited = await eventually(signs)
        assert waited > 1.0
        for verifier in (here, there):
            assert (await verifier.verify(token)).id == client.client_id
            new = (await token_of(here, client)).text.encode()
            assert (await verifier.verify(new)).id == client.client_id
            published = (await verifier.keys.jwks())["keys"]
            assert {key["kid"] for key in published} == {old.kid, kid}


async def test_a_key_that_has_signed_for_its_days_is_followed_once(
    own_database: Database, own_settings: Settings
) -> None:
    """Keys were rotated by hand alone, by the clock of whoever did it (D23)."""
    box = Secretbox(own_settings.master_key_bytes())
    first = await KeyRing(own_database, box).signing()
    made_at = clock.now()

    async def after(days: int, *, of: int = 30) -> set[str]:
        """Let so many days go by, and return the keys that are told."""
        now = made_at + timedelta(days=days, minutes=1)
        async with own_database.transaction() as session:
            await keys.rotate_when_due(session, now, box=box, days=of, token_seconds=60)
        return {key["kid"] for key in (await KeyRing(own_database, box).jwks())["keys"]}

    assert await after(29) == await after(365, of=0) == {str(first.kid)}
    rotated = await after(30)
    assert len(rotated) == 2
    assert str(first.kid) in rotated


async def test_a_key_that_leaked_ends_at_once_with_all_it_signed(
    own_database: Database, own_settings: Settings
) -> None:
    box = Secretbox(own_settings.master_key_bytes())
    registry = Registry(own_database)
    client = (await registry.client((await registry.department()).uscc)).client
    async with verifying(own_database, own_settings) as (verifier, _):
        token = (await token_of(verifier, client)).text.encode()
        await verifier.verify(token)
        async with own_database.transaction() as session:
            await keys.rotate(session, box, SYSTEM, token_seconds=60, at_once=True)

        async def refused() -> bool:
            try:
                await verifier.verify(token)
            except TokenInvalid:
                return True
            return False

        await eventually(refused, within_seconds=1.0)
        fresh = (await token_of(verifier, client)).text.encode()
        assert (await verifier.verify(fresh)).id == client.client_id


async def test_a_key_leaves_the_published_ones_when_its_tokens_have_ended(
    own_database: Database, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "SIGNS_AFTER", keys.SIGNS_AFTER * 0)
    monkeypatch.setattr(keys, "RETIRES_AFTER", keys.RETIRES_AFTER * 0)
    box = Secretbox(own_settings.master_key_bytes())
    ring = KeyRing(own_database, box)
    old = await ring.signing()
    async with own_database.transaction() as session:
        await keys.rotate(session, box, SYSTEM, token_seconds=1)
    ring.forget()
    assert len((await ring.jwks())["keys"]) == 2
    await asyncio.sleep(1.1)
    assert len((await ring.jwks())["keys"]) == 1
    assert await ring.verifying(str(old.kid)) is None


async def test_keys_of_another_master_key_verify_but_do_not_sign(
    own_database: Database, own_settings: Settings
) -> None:
    old = await KeyRing(own_database, Secretbox(own_settings.master_key_bytes())).signing()
    ring = KeyRing(own_database, Secretbox(b"x" * 32))
    assert (await ring.signing()).kid != old.kid
    assert await ring.verifying(str(old.kid)) is not None
