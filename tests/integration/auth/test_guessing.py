"""Guessers are slow, and lock nobody out but themselves (D6, E8, E11)."""

import httpx
import pytest

from auth.browsers import Browsers
from auth.errors import TooManySignInAttempts
from auth.principal import Role
from auth.sign_in import Attempt, Gate, WrongPassword
from auth.source import Source
from auth.tables import Person
from kernel import audit, clock
from kernel.audit import Filter
from kernel.database import Database
from kernel.paging import PageRequest
from kernel.settings import Settings
from tests.support.registry import PASSWORD, Registry, gate_of
from tests.support.world import World, unique

GUESSER, OFFICE = Source("203.0.113.7"), Source("198.51.100.9")


@pytest.fixture
async def person(registry: Registry) -> Person:
    return await registry.person((await registry.department()).uscc, Role.SECURITY)


async def _told(database: Database, thing: str, event: str) -> list[dict[str, object]]:
    async with database.reading() as session:
        page = await audit.page(session, PageRequest(limit=200), Filter(thing=thing, event=event))
    return [dict(row.details) for row in page.items]


async def _guess(gate: Gate, username: str, source: Source, times: int) -> int:
    """Return how many tries were let through to the password."""
    tried = 0
    for _ in range(times):
        try:
            await gate.check(Attempt(username, "guess", source), now=clock.now())
        except WrongPassword:
            tried += 1
        except TooManySignInAttempts:
            continue
    return tried


async def test_wrong_tries_from_elsewhere_lock_nobody_out(
    database: Database, parsed: Settings, person: Person
) -> None:
    """Five wrong passwords from anywhere kept `security` out of the platform (D6)."""
    gate = gate_of(database, parsed)
    assert await _guess(gate, person.username, GUESSER, 8) == 5
    right = Attempt(person.username, PASSWORD, OFFICE)
    assert (await gate.check(right, now=clock.now())).person_id == person.id
    with pytest.raises(TooManySignInAttempts):
        await gate.check(Attempt(person.username, PASSWORD, GUESSER), now=clock.now())
    told = await _told(database, person.id, "sign_in.failed")
    assert [each["source"] for each in told] == [GUESSER.address] * 5


async def test_a_browser_that_the_person_signed_in_with_is_a_source_of_its_own(
    database: Database, parsed: Settings, person: Person, registry: Registry
) -> None:
    gate = gate_of(database, parsed)
    await _guess(gate, person.username, GUESSER, 5)
    own = Source(GUESSER.address, gate.browsers.mark(person.id))
    checked = await gate.check(Attempt(person.username, PASSWORD, own), now=clock.now())
    assert checked.person_id == person.id
    other = await registry.person(person.department)
    foreign = Source(GUESSER.address, gate.browsers.mark(other.id))
    for cookie in (foreign.browser, "made.up", "汉", "x" * 500):
        stranger = Source(GUESSER.address, cookie)
        with pytest.raises(TooManySignInAttempts):
            await gate.check(Attempt(person.username, PASSWORD, stranger), now=clock.now())
    assert isinstance(gate.browsers, Browsers)


async def test_one_password_on_many_names_is_slowed_down(
    database: Database, parsed: Settings, person: Person
) -> None:
    """Sixty names could be tried at full speed, as waits went by name only (D6)."""
    gate = gate_of(database, parsed, names_max=10)
    sprayer = Source(f"2001:db8:{unique()[:3].encode().hex()[:4]}::1")
    tried = [await _guess(gate, f"{person.username}-{n}", sprayer, 1) for n in range(20)]
    assert sum(tried) == 10
    known = Source(sprayer.address, gate.browsers.mark(person.id))
    for source in (OFFICE, known):
        checked = await gate.check(Attempt(person.username, PASSWORD, source), now=clock.now())
        assert checked.person_id == person.id


async def test_wrong_secrets_are_told_within_a_bound_and_slowed_down(
    world: World, database: Database
) -> None:
    """A hundred wrong secrets left no event and were not slowed (D6, E8)."""
    department = await world.department()
    app = await world.client(department)
    form = {"grant_type": "client_credentials"}

    async def ask(secret: str) -> httpx.Response:
        return await world.http.post("/oauth/token", data=form, auth=(app.id, secret))

    answers = [await ask(f"wrong{number}") for number in range(14)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 4
    assert answers[-1].json()["error"] == "temporarily_unavailable"
    assert int(answers[-1].headers["Retry-After"]) > 0
    # Nobody guesses 256 bits: whoever has the secret is not kept out by whoever has not.
    assert (await ask(app.secret)).status_code == 200
    told = await _told(database, app.id, "token.refused")
    assert [each["failures"] for each in told] == [1, 2, 3, 4, 5, 8]
    assert {each["source"] for each in told} == {"127.0.0.1"}
    assert {each["error"] for each in told} == {"invalid_client"}
    assert "wrong" not in str([each["reason"] for each in told]).replace("is wrong", "")


async def test_a_token_says_in_the_audit_log_where_it_went(
    world: World, database: Database
) -> None:
    department = await world.department()
    app = await world.client(department)
    token = await app.ask("GET", "/v1/me")
    async with database.reading() as session:
        page = await audit.page(
            session, PageRequest(limit=10), Filter(actor=token["id"], event="token.issued")
        )
    assert [row.details["source"] for row in page.items] == ["127.0.0.1"]
