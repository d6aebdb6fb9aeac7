"""A database restored to an earlier moment lets nobody in again who had lost access (P3, P12).

A backup knows neither who was suspended since, nor which secrets and passwords were replaced: all
of it was valid again, and the log remembered nothing of it.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy import text

from auth import restoration
from auth.events import AuthEvent
from auth.tables import Client, Delegation, Department, Person
from kernel.clock import now
from kernel.database import Database, WriteSession
from tests.integration.auth.test_delegations import terms
from tests.support.callers import Caller
from tests.support.eventually import eventually
from tests.support.world import World


async def changed(who: Caller, path: str, body: dict[str, Any], method: str = "PATCH") -> None:
    tag = (await who.get(path.removesuffix("/standing-consent"))).headers["ETag"]
    answer = await who.send(method, path, body, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text


async def told(database: Database, thing: str, *types: AuthEvent) -> None:
    """Wait until the platform's messages speak of these, and of nothing else, about a thing."""
    spoken = text("SELECT type FROM exchange.feed_event WHERE thing = :thing ORDER BY id")

    async def complete() -> bool:
        async with database.reading() as session:
            found = (await session.execute(spoken.bindparams(thing=thing))).scalars().all()
        return list(found) == list(types)

    await eventually(complete, within_seconds=30)


async def test_whoever_loses_access_is_named_in_the_log(world: World, database: Database) -> None:
    department = await world.department()
    person = await world.new_person(department.uscc, "clerk")
    shown = await person.ask("GET", "/v1/me")
    await changed(world.security, f"/v1/people/{shown['id']}", {"name": "覃某"})
    await changed(world.security, f"/v1/people/{shown['id']}", {"roles": ["head"]})
    passwords = {"old_password": person.password, "new_password": "Another-one-2026"}
    await person.ask("POST", "/v1/me/password", passwords)
    await changed(world.security, f"/v1/people/{shown['id']}", {"status": "suspended"})
    of_person = (AuthEvent.PERSON_CHANGED, AuthEvent.PASSWORD_CHANGED, AuthEvent.PERSON_CHANGED)
    await told(database, shown["id"], *of_person)

    client = await world.client(department)
    path = f"/v1/clients/{client.id}"
    await changed(world.security, path, {"name": "改名"})
    await changed(world.security, path, {"scopes": ["catalog:read"]})
    await world.security.ask("POST", f"{path}/rotate", {})
    await world.security.ask("POST", f"{path}/suspend", {"reason": "泄露"})
    await world.security.ask("POST", f"{path}/resume")
    of_client = (AuthEvent.CLIENT_CHANGED, *restoration.MOVES)
    await told(database, client.id, *of_client)

    consent = f"/v1/departments/{department.uscc}/standing-consent"
    await changed(department.head, consent, {"enabled": True}, "PUT")
    await changed(department.head, consent, {"enabled": False}, "PUT")
    await changed(world.operator, f"/v1/departments/{department.uscc}", {"status": "abolished"})
    given, withdrawn = AuthEvent.STANDING_CONSENT_GIVEN, AuthEvent.STANDING_CONSENT_WITHDRAWN
    await told(database, department.uscc, given, withdrawn, AuthEvent.DEPARTMENT_CHANGED)


@asynccontextmanager
async def taken_back(database: Database) -> AsyncIterator[WriteSession]:
    """A transaction that leaves nothing: the platform of the tests goes on as it was."""
    with suppress(_TakenBackError):
        async with database.transaction() as session:
            yield session
            raise _TakenBackError


class _TakenBackError(Exception):
    pass


async def test_those_whose_access_changed_in_the_forgotten_time_are_stopped(
    world: World, database: Database
) -> None:
    owner, abolished, other = [await world.department() for _ in range(3)]
    people = {each.uscc: (await each.clerk.ask("GET", "/v1/me"))["id"] for each in (owner, other)}
    people[abolished.uscc] = (await abolished.head.ask("GET", "/v1/me"))["id"]
    clients = {each.uscc: (await world.client(each)).id for each in (owner, abolished, other)}
    consent = f"/v1/departments/{owner.uscc}/standing-consent"
    await changed(owner.head, consent, {"enabled": True}, "PUT")
    delegation = await owner.head.ask("POST", "/v1/delegations", terms(other, "apply"))
    spoken: dict[str, Collection[str]] = {
        AuthEvent.PASSWORD_CHANGED: {people[owner.uscc]},
        AuthEvent.CLIENT_ROTATED: {clients[owner.uscc]},
        AuthEvent.DEPARTMENT_CHANGED: {abolished.uscc},
        AuthEvent.STANDING_CONSENT_WITHDRAWN: {owner.uscc},
        AuthEvent.DELEGATION_ENDED: {delegation["id"]},
    }
    async with taken_back(database) as session:
        before = await session.get_one(Client, clients[other.uscc])
        generation = before.generation
        stopped = await restoration.mend(session, spoken, now=now())
        gone = {owner.uscc, abolished.uscc}
        assert set(stopped.clients) == {clients[each] for each in gone}
        assert {people[each] for each in gone} == set(stopped.people)
        assert stopped.consents == [owner.uscc]
        assert stopped.delegations == [delegation["id"]]
        session.expire_all()
        for uscc in (owner.uscc, abolished.uscc, other.uscc):
            status = "suspended" if uscc in gone else "active"
            assert (await session.get_one(Person, people[uscc])).status == status
            assert (await session.get_one(Client, clients[uscc])).status == status
        # A token of the forgotten time may have had the next few.
        after = await session.get_one(Client, clients[other.uscc])
        assert after.generation - generation == restoration.GENERATIONS_SKIPPED
        assert not (await session.get_one(Department, owner.uscc)).standing_consent
        assert (await session.get_one(Delegation, delegation["id"])).status == "ended"
