"""Devices without a browser: codes, the page, the decision, polls (RFC 8628)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from sqlalchemy import text

from auth import opaque
from auth.errors import TooManySignInAttempts
from auth.oauth import device
from auth.oauth.client_authentication import Asking
from auth.oauth.errors import TooManyFailures
from auth.oauth.form import parse
from auth.sign_in import Checked
from auth.source import Source
from kernel import audit, clock
from kernel.audit import Filter
from kernel.database import Database
from kernel.paging import PageRequest
from kernel.settings import Settings
from tests.support.callers import Person
from tests.support.identity import CLI, Form, bearer
from tests.support.world import World, unique

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "catalog:read"
CROWD = 40


@pytest.fixture
async def browser(gateway: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway, timeout=120) as opened:
        yield opened


@pytest.fixture
async def person(world: World) -> Person:
    return await world.new_person((await world.department()).uscc, "clerk")


async def begun(world: World, **more: str) -> dict[str, Any]:
    form = {"client_id": CLI, "scope": SCOPE, **more}
    answer = await world.http.post("/oauth/device_authorization", data=form)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def poll(world: World, told: dict[str, Any]) -> httpx.Response:
    form = {"grant_type": GRANT, "client_id": CLI, "device_code": told["device_code"]}
    return await world.http.post("/oauth/token", data=form)


async def polled(world: World, told: dict[str, Any]) -> str:
    answer = await poll(world, told)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


async def sent(browser: httpx.AsyncClient, page: httpx.Response, **fields: str) -> httpx.Response:
    """Send the form of a page, filled in."""
    form = Form(page.text)
    assert (form.method, form.action) == ("post", "/oauth/device")
    return await browser.post(urljoin(str(page.url), form.action), data=form.fields | fields)


async def shown(
    browser: httpx.AsyncClient, told: dict[str, Any], username: str, password: str
) -> httpx.Response:
    """Sign in for the code; return the page that asks for the decision."""
    page = await browser.get(told["verification_uri_complete"])
    assert Form(page.text).fields["user_code"] == told["user_code"]
    return await sent(browser, page, username=username, password=password)


async def decided(
    browser: httpx.AsyncClient, told: dict[str, Any], person: Person, decision: str
) -> httpx.Response:
    page = await shown(browser, told, person.username, person.password)
    assert page.status_code == 200, page.text
    return await sent(browser, page, decision=decision)


async def events(database: Database, event: str, actor: str) -> list[dict[str, object]]:
    async with database.reading() as session:
        found = Filter(event=event, actor=actor)
        page = await audit.page(session, PageRequest(limit=200), found)
    return [dict(row.details) for row in page.items]


async def test_a_device_gets_the_tokens_of_whoever_allows_it_and_once(
    world: World, browser: httpx.AsyncClient, person: Person, database: Database
) -> None:
    told = await begun(world)
    assert (told["expires_in"], told["interval"]) == (600, 5)
    assert told["verification_uri"] == f"{world.base_url}/oauth/device"
    assert await polled(world, told) == "authorization_pending"
    page = await shown(browser, told, person.username, person.password)
    for word in (told["user_code"], SCOPE, CLI, "127.0.0.1", person.username):
        assert word in page.text
    assert "records:read" not in page.text
    assert (await sent(browser, page, decision="allow")).status_code == 200
    answer = await poll(world, told)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert tokens["scope"] == SCOPE
    me = await world.http.get("/v1/me", headers=bearer(tokens["access_token"]))
    assert (me.json()["kind"], me.json()["roles"]) == ("person", ["clerk"])
    form = {"grant_type": "refresh_token", "client_id": CLI}
    form["refresh_token"] = tokens["refresh_token"]
    assert (await world.http.post("/oauth/token", data=form)).status_code == 200
    assert await polled(world, told) == "invalid_grant"
    [approved] = await events(database, "device.approved", me.json()["id"])
    assert approved == {"source": "127.0.0.1", "asked_from": "127.0.0.1", "scope": SCOPE}


async def test_of_a_crowd_of_polls_one_gets_tokens_and_they_stay(
    world: World, browser: httpx.AsyncClient, person: Person
) -> None:
    told = await begun(world)
    await decided(browser, told, person, "allow")
    answers = await asyncio.gather(*(poll(world, told) for _ in range(8)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: 1, 400: 7}
    assert {a.json()["error"] for a in answers if a.status_code == 400} == {"invalid_grant"}
    [token] = [a.json()["access_token"] for a in answers if a.status_code == 200]
    assert (await world.http.get("/v1/me", headers=bearer(token))).status_code == 200


async def test_a_code_that_comes_again_later_ends_what_it_gave(
    world: World, browser: httpx.AsyncClient, person: Person, database: Database
) -> None:
    """Whoever asks again when the answer is long given holds a copy."""
    told = await begun(world)
    await decided(browser, told, person, "allow")
    tokens = (await poll(world, told)).json()
    await _earlier(database, told, "used_at")
    assert await polled(world, told) == "invalid_grant"
    form = {"grant_type": "refresh_token", "client_id": CLI}
    form["refresh_token"] = tokens["refresh_token"]
    again = await world.http.post("/oauth/token", data=form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_who_refuses_is_told_to_the_device(
    world: World, browser: httpx.AsyncClient, person: Person
) -> None:
    told = await begun(world)
    assert (await decided(browser, told, person, "deny")).status_code == 200
    assert [await polled(world, told) for _ in range(2)] == ["access_denied"] * 2


async def test_who_asks_too_soon_is_slowed_down(world: World, database: Database) -> None:
    told = await begun(world)
    crowd = await asyncio.gather(*(polled(world, told) for _ in range(3)))
    assert Counter(crowd) == {"authorization_pending": 1, "slow_down": 2}
    async with database.reading() as session:
        query = "SELECT interval_seconds FROM auth.device_code WHERE digest = :digest"
        code = opaque.digest(told["device_code"])
        found = (await session.execute(text(query).bindparams(digest=code))).scalar_one()
    assert found == 15


async def test_a_code_ends_and_unknown_ones_are_none(
    world: World, browser: httpx.AsyncClient, person: Person, database: Database
) -> None:
    told = await begun(world)
    await _earlier(database, told, "expires_at")
    assert await polled(world, told) == "expired_token"
    page = await shown(browser, told, person.username, person.password)
    assert page.status_code == 422
    assert "代码不存在" in page.text
    assert not page.cookies
    assert await polled(world, {"device_code": "made-up"}) == "invalid_grant"


async def _earlier(database: Database, told: dict[str, Any], column: str) -> None:
    """Let a moment of the code lie an hour back."""
    query = f"UPDATE auth.device_code SET {column} = {column} - interval '1 hour'"  # noqa: S608
    query += " WHERE digest = :digest"
    code = opaque.digest(told["device_code"])
    async with database.transaction() as session:
        await session.execute(text(query).bindparams(digest=code))


async def test_a_wrong_password_shows_nothing_of_the_request(
    world: World, browser: httpx.AsyncClient, person: Person
) -> None:
    told = await begun(world)
    page = await shown(browser, told, person.username, "not the password")
    assert page.status_code == 401
    assert SCOPE not in page.text
    assert "decision" not in page.text
    assert await polled(world, told) == "authorization_pending"


async def test_nobody_decides_without_the_page_that_was_shown(
    world: World, browser: httpx.AsyncClient, person: Person
) -> None:
    """A cookie alone, a form of another browser, another code: none of them decides."""
    told, other = await begun(world), await begun(world)
    page = await shown(browser, told, person.username, person.password)
    fields = Form(page.text).fields | {"decision": "allow"}
    for forged in ({"token": "made-up"}, {"user_code": other["user_code"]}):
        answer = await browser.post("/oauth/device", data=fields | forged)
        assert answer.status_code == 422
    assert (await world.http.post("/oauth/device", data=fields)).status_code == 422
    site = {"Sec-Fetch-Site": "cross-site"}
    assert (await browser.post("/oauth/device", data=fields, headers=site)).status_code == 400
    assert await polled(world, told) == "authorization_pending"
    assert await polled(world, other) == "authorization_pending"
    assert (await browser.post("/oauth/device", data=fields)).status_code == 200
    # It is decided: the same form once more decides nothing.
    again = await browser.post("/oauth/device", data=fields | {"decision": "deny"})
    assert again.status_code == 422
    assert (await poll(world, told)).status_code == 200


async def test_a_sign_out_ends_what_was_allowed_and_not_fetched_yet(
    world: World, browser: httpx.AsyncClient, person: Person
) -> None:
    told = await begun(world)
    await decided(browser, told, person, "allow")
    page = await browser.get("/oauth/logout")
    await browser.post("/oauth/logout", data=Form(page.text).fields)
    assert await polled(world, told) == "invalid_grant"


async def test_a_temporary_password_is_replaced_first(
    world: World, browser: httpx.AsyncClient
) -> None:
    username, first = unique("u"), f"first-{unique()}-password"
    body: dict[str, Any] = {
        "username": username,
        "name": "韦某",
        "roles": ["clerk"],
        "password": first,
    }
    body |= {"department": (await world.department()).uscc, "temporary": True}
    await world.security.ask("POST", "/v1/people", body)
    told = await begun(world)
    page = await shown(browser, told, username, first)
    assert "decision" not in page.text
    new = f"another-{unique()}-password"
    # A ticket is no way to guess codes uncounted, and a wrong one changes no password.
    guess = {"user_code": "BBBB-BBBB", "new_password": new, "new_password_again": new}
    assert (await sent(browser, page, **guess)).status_code == 422
    page = await sent(browser, page, new_password=new, new_password_again=new)
    assert (await sent(browser, page, decision="allow")).status_code == 200
    assert (await poll(world, told)).status_code == 200


async def test_the_page_speaks_english_when_asked(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/oauth/device", headers={"Accept-Language": "en"})
    assert "Code on the device" in page.text
    assert page.headers["Content-Language"] == "en"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"client_id": "stranger"}, "invalid_client"),
        ({"client_id": CLI, "scope": "records:read"}, "invalid_scope"),
        ({"client_id": CLI, "resource": "https://elsewhere.example"}, "invalid_target"),
    ],
)
async def test_what_cannot_be_asked_is_refused_as_oauth_says(
    world: World, form: dict[str, str], error: str
) -> None:
    answer = await world.http.post("/oauth/device_authorization", data=form)
    assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert answer.json()["error"] == error


async def test_an_application_system_has_no_device_code(world: World) -> None:
    app = await world.client(await world.department())
    for path, form in (
        ("/oauth/device_authorization", {"client_id": CLI}),
        ("/oauth/token", {"grant_type": GRANT, "device_code": "any"}),
    ):
        answer = await world.http.post(path, data=form, auth=(app.id, app.secret))
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


async def test_codes_of_one_address_are_bounded_however_many_ask_at_once(
    database: Database, parsed: Settings
) -> None:
    def asking(address: str) -> Asking:
        form = parse(f"client_id={CLI}".encode())
        return Asking(None, form, frozenset(), Source(address))

    async def ask(address: str) -> bool:
        try:
            await device.begin(database, asking(address), parsed.base_url, clock.now())
        except TooManyFailures:
            return False
        return True

    net = f"2001:db8:{unique_hex()}:1::"
    made = await asyncio.gather(*(ask(f"{net}{number}") for number in range(1, CROWD)))
    assert sum(made) == device.OPEN_OF_NETWORK_MAX
    assert await ask(f"{net[:-3]}2::1")


async def test_who_guesses_codes_waits_and_others_do_not(
    database: Database, world: World, person: Person
) -> None:
    told = await begun(world)
    account = Checked(f"nobody-{unique()}", 1, temporary=False, password_hash="")
    guesser, office = (Source(f"2001:db8:{unique_hex()}::1") for _ in range(2))
    now = clock.now()
    for _ in range(5):
        with pytest.raises(device.UnknownUserCode):
            await device.require_known(database, account, "BBBB-BBBB", guesser, now)
    with pytest.raises(TooManySignInAttempts):
        await device.require_known(database, account, told["user_code"], guesser, now)
    await device.require_known(database, account, told["user_code"].lower(), office, now)
    later = now + timedelta(seconds=16)
    await device.require_known(database, account, told["user_code"], guesser, later)
    guesses = await events(database, "device.unknown", account.person_id)
    assert [each["failures"] for each in guesses] == [1, 2, 3, 4, 5]


def unique_hex() -> str:
    return opaque.digest(unique()).hex()[:4]
