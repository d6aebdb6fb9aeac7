"""Whatever ends tokens goes before or after what issues them, never beside it (D3, D7, D15)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from auth import departments, people, sign_in
from auth.errors import LastAdministrator, TokenRevoked
from auth.oauth import introspection
from auth.oauth.authorization import AuthorizationRequest, give_code
from auth.oauth.client_authentication import Asking
from auth.oauth.errors import InvalidGrantError
from auth.oauth.form import Parameters
from auth.oauth.grants import TokenEndpoint
from auth.oauth.public_client import CLIENT_ID
from auth.oauth.successors import Successors
from auth.people import PersonChange
from auth.principal import Role
from auth.sign_in import Attempt, WrongPassword
from auth.source import NOWHERE
from auth.store import people as store
from auth.tables import Person
from auth.tokens import TokenVerifier
from kernel import clock
from kernel.database import Database
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from tests.support.eventually import eventually
from tests.support.identity import REDIRECT_URI, challenge
from tests.support.registry import (
    OPERATOR,
    PASSWORD,
    SECURITY,
    Registry,
    acting,
    gate_of,
    token_of,
    verifying,
)

VERIFIER = "v" * 43


@dataclass
class Staff:
    """A person who is signed in, and the token endpoint of a worker."""

    database: Database
    settings: Settings
    verifier: TokenVerifier
    person: Person

    async def ask(self, **form: str) -> dict[str, Any]:
        box = Secretbox(self.settings.master_key_bytes())
        endpoint = TokenEndpoint(self.database, Successors(box), self.settings)
        key = await self.verifier.keys.signing()
        return await endpoint.issue(key, self.asking(**form), clock.now())

    def asking(self, **form: str) -> Asking:
        pairs = [("client_id", CLIENT_ID), *form.items()]
        return Asking(None, Parameters(pairs), frozenset())

    async def signed_in(self) -> dict[str, Any]:
        request = AuthorizationRequest(
            CLIENT_ID, REDIRECT_URI, None, "admin", challenge(VERIFIER), {}
        )
        async with self.database.transaction() as session:
            now = clock.now()
            where = await give_code(session, self.person, request, "s", "http://x", now)
        code = where.partition("code=")[2].partition("&")[0]
        return await self.ask(
            grant_type="authorization_code",
            code=code,
            code_verifier=VERIFIER,
            redirect_uri=REDIRECT_URI,
        )

    async def refresh(self, token: str) -> dict[str, Any]:
        return await self.ask(grant_type="refresh_token", refresh_token=token)

    async def revoke(self, token: str) -> None:
        asking = self.asking(token=token)
        await introspection.revoke(self.database, self.verifier, asking, now=clock.now())

    async def beside(self, *works: Coroutine[Any, Any, Any]) -> list[Any]:
        """Let all begin while the person is locked, so that they meet when it is let go."""
        async with self.database.transaction() as session:
            await store.lock(session, self.person.id)
            tasks = [asyncio.ensure_future(work) for work in works]
            await asyncio.sleep(0.3)
        return list(await asyncio.gather(*tasks, return_exceptions=True))


@pytest.fixture
async def staff(
    database: Database, parsed: Settings, verifier: TokenVerifier, registry: Registry
) -> Staff:
    department = await registry.department()
    person = await registry.person(department.uscc, Role.CLERK)
    return Staff(database, parsed, verifier, person)


async def _ends(staff: Staff, *tokens: dict[str, Any]) -> None:
    """Every refresh token is refused, and every access token within a second."""
    for token in tokens:
        with pytest.raises(InvalidGrantError):
            await staff.refresh(token["refresh_token"])

    async def ended() -> bool:
        for token in tokens:
            try:
                await staff.verifier.verify(token["access_token"].encode())
            except TokenRevoked:
                continue
            return False
        return True

    await eventually(ended, within_seconds=5.0)


async def test_a_family_given_back_beside_a_refresh_leaves_nothing(staff: Staff) -> None:
    """The refresh wrote the next pair after the revocation had looked: it lived for 8 h (D3)."""
    for _ in range(5):
        tokens = await staff.signed_in()
        old = tokens["refresh_token"]
        refreshed, _ = await staff.beside(staff.refresh(old), staff.revoke(old))
        issued = [refreshed] if isinstance(refreshed, dict) else []
        await _ends(staff, tokens, *issued)


async def test_a_password_changed_beside_a_refresh_ends_what_that_gave(staff: Staff) -> None:
    tokens = await staff.signed_in()

    async def change() -> None:
        principal = acting(person_id=staff.person.id)
        async with staff.database.transaction() as session:
            confirmed = staff.person.password_hash
            await people.change_own_password(
                session, principal, confirmed, "another", now=clock.now()
            )

    refreshed, changed = await staff.beside(staff.refresh(tokens["refresh_token"]), change())
    assert changed is None
    await _ends(staff, tokens, *([refreshed] if isinstance(refreshed, dict) else []))


async def test_a_code_used_twice_beside_a_refresh_ends_what_that_gave(staff: Staff) -> None:
    tokens = await staff.signed_in()
    following = await staff.refresh(tokens["refresh_token"])
    last = following["refresh_token"]
    # Reusing the first one is the alarm; its successor was used.
    later, alarm = await staff.beside(staff.refresh(last), staff.refresh(tokens["refresh_token"]))
    issued = [later] if isinstance(later, dict) else []
    if isinstance(alarm, dict):
        # The alarm came first, when the successor was not used yet: the same pair was repeated.
        return
    await _ends(staff, following, *issued)


async def test_a_sign_in_with_the_old_password_gives_nothing_after_a_change(
    staff: Staff, database: Database, parsed: Settings
) -> None:
    """It was checked before the change and ended in cookie and code after it (D3)."""
    gate = gate_of(database, parsed)
    checked = await gate.check(Attempt(staff.person.username, PASSWORD), now=clock.now())
    async with database.transaction() as session:
        principal = acting(person_id=staff.person.id)
        confirmed = checked.password_hash
        await people.change_own_password(session, principal, confirmed, "new", now=clock.now())
    with pytest.raises(WrongPassword):
        async with database.transaction() as session:
            await sign_in.enter(session, checked, NOWHERE)


async def test_two_resets_at_once_are_two_steps(staff: Staff, database: Database) -> None:
    """Both added one to the generation that they had read, and wrote the same (D15)."""
    before = staff.person.generation

    async def reset() -> None:
        async with database.transaction() as session:
            wanted = PersonChange(password="correct horse", password_hash="hash")
            await people.change(session, SECURITY, staff.person.id, None, wanted)

    await staff.beside(*(reset() for _ in range(4)))
    async with database.reading() as session:
        person = await store.get(session, staff.person.id)
    assert person is not None
    assert person.generation == before + 4


async def test_an_abolished_department_that_comes_back_brings_no_old_token_back(
    staff: Staff, database: Database
) -> None:
    """`abolished` and `active` again revived every token and cookie (D14)."""
    tokens = await staff.signed_in()
    uscc = staff.person.department
    for status in ("abolished", "active"):
        async with database.transaction() as session:
            await departments.change(
                session, OPERATOR, uscc, None, {"status": status}, now=clock.now()
            )
    await _ends(staff, tokens)


Act = Callable[[], Awaitable[object]]


async def _dropping(database: Database, by: Person, whom: Person) -> None:
    principal = acting(Role.SECURITY, department=by.department, person_id=by.id)
    async with database.transaction() as session:
        wanted = PersonChange(roles=frozenset({Role.CLERK}))
        await people.change(session, principal, whom.id, None, wanted)


async def test_two_administrators_who_drop_each_other_do_not_both_succeed(
    own_database: Database,
) -> None:
    """One call, or two at once, could lock everybody out of the platform (D7)."""
    registry = Registry(own_database)
    department = await registry.department()
    one, two = [await registry.person(department.uscc, Role.SECURITY) for _ in range(2)]
    tried = await asyncio.gather(
        _dropping(own_database, one, two), _dropping(own_database, two, one), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in tried) == ["LastAdministrator", "NoneType"]


async def test_the_last_administrators_cannot_go_by_any_way(own_database: Database) -> None:
    registry = Registry(own_database)
    department = await registry.department()
    last = await registry.person(department.uscc, Role.OPERATOR)
    city = await registry.department(region_code="450100")
    await registry.person(city.uscc, Role.OPERATOR)

    async def change(wanted: PersonChange) -> None:
        async with own_database.transaction() as session:
            await people.change(session, SECURITY, last.id, None, wanted)

    async def change_department(values: dict[str, str]) -> None:
        async with own_database.transaction() as session:
            await departments.change(
                session, OPERATOR, department.uscc, None, values, now=clock.now()
            )

    for act in (
        change(PersonChange(roles=frozenset())),
        change(PersonChange(status="suspended")),
        change(PersonChange(department=city.uscc)),
        change_department({"status": "abolished"}),
        change_department({"region_code": "450100"}),
    ):
        with pytest.raises(LastAdministrator):
            await act
    # The one of the city may go: the region's administers it too.
    async with own_database.transaction() as session:
        await departments.change(
            session, OPERATOR, city.uscc, None, {"status": "abolished"}, now=clock.now()
        )
    await registry.person(department.uscc, Role.OPERATOR)
    await change(PersonChange(roles=frozenset()))


async def test_a_forged_token_ends_with_its_key_although_the_news_was_missed(
    own_database: Database, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token in the cache outlived `keys rotate --at-once` when the feed was cut (D2)."""
    from auth import keys  # noqa: PLC0415
    from auth.errors import TokenInvalid  # noqa: PLC0415
    from kernel.actor import SYSTEM  # noqa: PLC0415

    registry, box = Registry(own_database), Secretbox(own_settings.master_key_bytes())
    client = (await registry.client((await registry.department()).uscc)).client
    async with verifying(own_database, own_settings) as (verifier, feed):
        token = (await token_of(verifier, client)).text.encode()
        await verifier.verify(token)
        # The connection stands still: nothing is heard, and nothing is fresh.
        monkeypatch.setattr(feed, "_received", lambda *_: None)
        monkeypatch.setattr(type(feed), "fresh", property(lambda _: False))
        async with own_database.transaction() as session:
            await keys.rotate(session, box, SYSTEM, token_seconds=60, at_once=True)
        feed.fresh_until = 0.0
        with pytest.raises(TokenInvalid):
            await verifier.verify(token)
        monkeypatch.undo()
        # And when it listens again, it has forgotten what it believed.
        verifier._reset()
        with pytest.raises(TokenInvalid):
            await verifier.verify(token)
