"""The first people of a platform, and the people of a local one."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from auth import bootstrap, sign_in
from auth.principal import Role
from auth.store import people as store
from deploy.local.seed import AUTHORITY, seed
from deploy.local.wording import LocalError
from kernel import clock
from kernel.database import Database
from kernel.errors import Conflict
from tests.support.registry import Registry


async def _bootstrap(database: Database) -> tuple[bootstrap.FirstPerson, ...]:
    async with database.transaction() as session:
        return await bootstrap.bootstrap(session, AUTHORITY, now=clock.now())


async def test_security_and_operator_are_made_once_whoever_races(own_database: Database) -> None:
    tried = await asyncio.gather(
        *(_bootstrap(own_database) for _ in range(5)), return_exceptions=True
    )
    (made,) = [first for first in tried if isinstance(first, tuple)]
    assert sum(isinstance(error, Conflict) for error in tried) == 4
    assert {person.role for person in made} == {Role.SECURITY, Role.OPERATOR}
    for first in made:
        person = await sign_in.sign_in(
            own_database, first.username, first.password, now=clock.now()
        )
        assert person.roles == [first.role]
        assert first.password not in repr(first)


def _environment(settings: dict[str, str], database: Database) -> dict[str, str]:
    return {**settings, "SHUYUAN_DATABASE_URL": database.url}


async def test_the_local_people_are_as_the_contract_says(
    settings: dict[str, str], own_database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "credentials.json"
    environment = _environment(settings, own_database)
    await asyncio.to_thread(seed, environment, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = json.loads(path.read_text())
    assert told["base_url"] == settings["SHUYUAN_BASE_URL"]
    assert told["cli_client_id"] == "shuyuan-cli"
    assert [person["roles"] for person in told["people"]] == [
        ["operator"], ["security"], ["auditor"], ["authority"], ["clerk"], ["head"],
    ]  # fmt: skip
    for line in told["people"]:
        person = await sign_in.sign_in(
            own_database, line["username"], line["password"], now=clock.now()
        )
        assert (person.department, person.roles) == (line["department"], line["roles"])


async def test_seeding_again_changes_nothing_and_mends_what_does_not_fit(
    settings: dict[str, str], own_database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "credentials.json"
    environment = _environment(settings, own_database)
    await asyncio.to_thread(seed, environment, path)
    first = path.read_text()
    await asyncio.to_thread(seed, environment, path)
    assert path.read_text() == first
    path.unlink()
    await asyncio.to_thread(seed, environment, path)
    for line in json.loads(path.read_text())["people"]:
        await sign_in.sign_in(own_database, line["username"], line["password"], now=clock.now())
    async with own_database.reading() as session:
        assert await store.named(session, "operator")


async def test_outside_development_nobody_is_seeded(
    settings: dict[str, str], own_database: Database, tmp_path: Path
) -> None:
    environment = _environment(settings, own_database) | {"SHUYUAN_ENVIRONMENT": "production"}
    with pytest.raises(LocalError):
        await asyncio.to_thread(seed, environment, tmp_path / "credentials.json")
    async with own_database.reading() as session:
        assert not await store.any_exists(session)


async def test_a_cookie_ends_with_sign_out_and_with_the_persons_generation(
    database: Database, registry: Registry
) -> None:
    person = await registry.person((await registry.department()).uscc)
    now = clock.now()
    async with database.transaction() as session:
        cookies = [await sign_in.remember(session, person, seconds=60, now=now) for _ in range(2)]
    async with database.transaction() as session:
        await sign_in.forget(session, cookies[0], now=now)
    async with database.reading() as session:
        assert await sign_in.remembered(session, cookies[0], now=now) is None
        found = await sign_in.remembered(session, cookies[1], now=now)
        assert found is not None
        assert found.id == person.id
    async with database.transaction() as session:
        await store.change(session, person.id, 1, {"generation": 2})
    async with database.reading() as session:
        assert await sign_in.remembered(session, cookies[1], now=now) is None
