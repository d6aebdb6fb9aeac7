"""The first people of a platform, and the people of a local one."""

import asyncio
import json
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from auth import bootstrap, passwords, sign_in
from auth.events import AuthEvent
from auth.oauth.sign_out import sign_out
from auth.principal import Role
from auth.sign_in import Attempt, Life
from auth.source import NOWHERE
from auth.store import people as store
from auth.tables import Person
from deploy.local.seed import AUTHORITY, seed
from deploy.local.wording import LocalError
from kernel import clock
from kernel.database import Database
from kernel.errors import Conflict, NotFound
from kernel.settings import Settings
from kernel.tables import AuditRow
from tests.support.registry import LIFE, Registry, gate_of


async def _bootstrap(database: Database) -> tuple[bootstrap.FirstPerson, ...]:
    first = await bootstrap.first_people(AUTHORITY.uscc)
    async with database.transaction() as session:
        new = [person for _, person in first]
        await bootstrap.bootstrap(session, AUTHORITY, new, now=clock.now())
    return tuple(shown for shown, _ in first)


async def _person(database: Database, settings: Settings, name: str, password: str) -> Person:
    """Sign in, and return who that is."""
    attempt = Attempt(name, password)
    checked = await gate_of(database, settings).check(attempt, now=clock.now())
    async with database.transaction() as session:
        return await sign_in.enter(session, checked, NOWHERE)


async def test_security_and_operator_are_made_once_whoever_races(
    own_database: Database, own_settings: Settings
) -> None:
    tried = await asyncio.gather(
        *(_bootstrap(own_database) for _ in range(5)), return_exceptions=True
    )
    (made,) = [first for first in tried if isinstance(first, tuple)]
    assert sum(isinstance(error, Conflict) for error in tried) == 4
    assert {person.role for person in made} == {Role.SECURITY, Role.OPERATOR}
    for first in made:
        person = await _person(own_database, own_settings, first.username, first.password)
        assert person.roles == [first.role]
        assert person.password_temporary
        assert first.password not in repr(first)


def _environment(settings: dict[str, str], database: Database) -> dict[str, str]:
    return {**settings, "SHUYUAN_DATABASE_URL": database.url}


async def test_the_local_people_are_as_the_contract_says(
    settings: dict[str, str], own_database: Database, own_settings: Settings, tmp_path: Path
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
        name, password = line["username"], line["password"]
        person = await _person(own_database, own_settings, name, password)
        assert (person.department, person.roles) == (line["department"], line["roles"])


async def test_seeding_again_changes_nothing_and_mends_what_does_not_fit(
    settings: dict[str, str], own_database: Database, own_settings: Settings, tmp_path: Path
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
        person = await _person(own_database, own_settings, line["username"], line["password"])
        assert person.username == line["username"]
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


async def _remembered(database: Database, cookie: str, now: datetime) -> str | None:
    async with database.transaction() as session:
        found = await sign_in.remembered(session, cookie, LIFE, now=now)
        return found[0].id if found else None


async def test_whoever_is_locked_out_gets_in_again_from_the_machine(
    own_database: Database, own_settings: Settings
) -> None:
    """Nobody could administer any more once the last one was gone, and `bootstrap` refused (D7)."""
    registry = Registry(own_database)
    department = await registry.department()
    person = await registry.person(department.uscc, Role.AUDITOR)
    hashed = await passwords.digest_of_fair("a temporary password", "")
    async with own_database.transaction() as session:
        await store.change(session, person.id, None, {"status": "suspended", "roles": []})
    wanted = bootstrap.Restored(person.username, Role.SECURITY, None, hashed)
    async with own_database.transaction() as session:
        await bootstrap.restore_access(session, wanted, now=clock.now())
    async with own_database.reading() as session:
        found = await store.get(session, person.id)
        events = await session.exec(select(AuditRow.event).where(AuditRow.subject_id == person.id))
    assert found is not None
    assert (found.status, found.roles, found.password_temporary) == ("active", ["security"], True)
    assert found.generation == person.generation + 1
    assert AuthEvent.ACCESS_RESTORED in events.all()
    unknown = bootstrap.Restored("nobody", Role.SECURITY, None, hashed)
    with pytest.raises(NotFound):
        async with own_database.transaction() as session:
            await bootstrap.restore_access(session, unknown, now=clock.now())


async def test_a_cookie_ends_with_sign_out_and_with_the_persons_generation(
    database: Database, registry: Registry
) -> None:
    person = await registry.person((await registry.department()).uscc)
    now = clock.now()
    async with database.transaction() as session:
        cookies = [(await sign_in.remember(session, person, LIFE, now=now)).value for _ in range(2)]
    async with database.transaction() as session:
        await sign_out(session, cookies[0], LIFE, NOWHERE, now=now)
    assert await _remembered(database, cookies[0], now) is None
    assert await _remembered(database, cookies[1], now) == person.id
    async with database.transaction() as session:
        await store.change(session, person.id, 1, {"generation": 2})
    assert await _remembered(database, cookies[1], now) is None


async def test_a_cookie_ends_when_nobody_uses_it(database: Database, registry: Registry) -> None:
    """A cookie gave codes for eight hours, whether or not anybody sat at the browser (D4)."""
    person = await registry.person((await registry.department()).uscc)
    begun, idle = clock.now(), Life(seconds=600, idle_seconds=60)
    async with database.transaction() as session:
        cookie = (await sign_in.remember(session, person, idle, now=begun)).value
    for seconds, alive in ((50, True), (100, True), (170, False)):
        async with database.transaction() as session:
            now = begun + timedelta(seconds=seconds)
            found = await sign_in.remembered(session, cookie, idle, now=now)
        assert (found is not None) is alive
