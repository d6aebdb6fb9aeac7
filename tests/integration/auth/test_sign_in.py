"""People sign in by the form and get tokens by code (RFC 6749, 7636, 9700)."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.support.eventually import eventually
from tests.support.identity import (
    CLI,
    REDIRECT_URI,
    Form,
    authorization_query,
    bearer,
    code_of,
    exchange,
    fill_form,
    staff_tokens,
)
from tests.support.world import World

WITHIN = 1.0


@pytest.fixture
async def browser(gateway: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway, timeout=120) as opened:
        yield opened


async def _person(world: World) -> tuple[str, str]:
    person = await world.new_person((await world.department()).uscc, "clerk")
    return person.username, person.password


async def _code(browser: httpx.AsyncClient, world: World) -> tuple[str, str]:
    verifier = secrets.token_urlsafe(48)
    sent = await fill_form(browser, authorization_query(verifier), *await _person(world))
    return code_of(sent), verifier


def _refresh(token: str, **more: str) -> dict[str, str]:
    return {
        "grant_type": "refresh_token",
        "refresh_token": token,
        "client_id": CLI,
        **more,
    }


def _said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def _status(world: World, token: str) -> int:
    return (await world.http.get("/v1/me", headers=bearer(token))).status_code


async def _refused(world: World, token: str) -> None:
    """The token ends."""

    async def refused() -> bool:
        return await _status(world, token) == 401

    await eventually(refused, within_seconds=WITHIN)


async def test_a_person_signs_in_and_gets_tokens(browser: httpx.AsyncClient, world: World) -> None:
    verifier = secrets.token_urlsafe(48)
    query = authorization_query(verifier)
    sent = await fill_form(browser, query, *await _person(world))
    assert sent.status_code == 303
    place = urlsplit(sent.headers["location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == REDIRECT_URI
    back = {name: value for name, (value,) in parse_qs(place.query).items()}
    assert back["state"] == query["state"]
    assert back["iss"] == world.base_url
    answer = await exchange(browser, back["code"], verifier)
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.json()
    assert tokens["token_type"] == "Bearer"
    assert "records:read" not in tokens["scope"].split()
    assert "admin" in tokens["scope"].split()
    assert await _status(world, tokens["access_token"]) == 200


async def test_the_page_is_one_plain_form_that_nobody_can_frame(
    browser: httpx.AsyncClient,
) -> None:
    page = await browser.get("/oauth/authorize", params=authorization_query("v" * 43))
    assert page.status_code == 200
    assert "<script" not in page.text
    form = Form(page.text)
    assert {"username", "password"} <= form.fields.keys()
    assert "登录" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Frame-Options"] == "DENY"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:53682" in policy


async def test_the_page_speaks_english_when_asked(browser: httpx.AsyncClient) -> None:
    query = authorization_query("v" * 43)
    accepting = await browser.get(
        "/oauth/authorize", params=query, headers={"Accept-Language": "en-GB,zh;q=0.5"}
    )
    asking = await browser.get("/oauth/authorize", params={**query, "ui_locales": "en"})
    for page in (accepting, asking):
        assert "Sign in" in page.text
        assert page.headers["Content-Language"] == "en"


async def test_what_the_request_says_is_text_on_the_page(browser: httpx.AsyncClient) -> None:
    query = authorization_query("v" * 43, state='"><script>alert(1)</script>')
    page = await browser.get("/oauth/authorize", params=query)
    assert "<script" not in page.text
    assert Form(page.text).fields["state"] == query["state"]


async def test_a_wrong_password_and_an_unknown_name_get_the_same_page(
    browser: httpx.AsyncClient, world: World
) -> None:
    username, _ = await _person(world)
    query = authorization_query("v" * 43)
    known = await fill_form(browser, query, username, "not the password")
    unknown = await fill_form(browser, query, "nobody-" + username, "not the password")
    for answer in (known, unknown):
        assert answer.status_code == 401
        assert Form(answer.text).fields["state"] == query["state"]
        assert not answer.cookies
    same = known.text.replace(username, "")
    nonce = same.split('nonce="')[1].split('"')[0]
    other = unknown.text.replace("nobody-" + username, "")
    assert same == other.replace(other.split('nonce="')[1].split('"')[0], nonce)


async def test_an_unknown_name_takes_as_long_as_a_wrong_password(
    browser: httpx.AsyncClient, world: World
) -> None:
    known: list[float] = []
    unknown: list[float] = []
    for _ in range(4):
        username, _password = await _person(world)
        for times, name in ((known, username), (unknown, "nobody-" + username)):
            began = time.perf_counter()
            form = authorization_query("v" * 43) | {"username": name, "password": "wrong"}
            assert (await browser.post("/oauth/authorize", data=form)).status_code == 401
            times.append(time.perf_counter() - began)
    assert min(unknown) > min(known) / 3


async def test_a_suspended_person_cannot_sign_in(browser: httpx.AsyncClient, world: World) -> None:
    username, password = await _person(world)
    found = await world.security.ask("GET", f"/v1/people?q={username}")
    path = f"/v1/people/{found['items'][0]['id']}"
    body = {"status": "suspended"}
    await world.security.ask("PATCH", path, body, headers={"If-Match": '"1"'})
    answer = await fill_form(browser, authorization_query("v" * 43), username, password)
    assert answer.status_code == 401


async def test_a_cookie_alone_gives_no_code(browser: httpx.AsyncClient, world: World) -> None:
    """Any page or program on the machine got a code with a challenge of its own (D4)."""
    query = authorization_query("v" * 43)
    first = await fill_form(browser, query, *await _person(world))
    cookies = first.headers.get_list("set-cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "shuyuan_sign_in", "shuyuan_browser",
    }  # fmt: skip
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Secure" not in cookie
    page = await browser.get("/oauth/authorize", params=authorization_query("w" * 43))
    assert page.status_code == 200
    assert {"username", "password"} <= Form(page.text).fields.keys()


async def _signed_in(browser: httpx.AsyncClient, world: World) -> dict[str, Any]:
    verifier = secrets.token_urlsafe(48)
    sent = await fill_form(browser, authorization_query(verifier), *await _person(world))
    tokens: dict[str, Any] = (await exchange(browser, code_of(sent), verifier)).json()
    return tokens


async def test_signing_out_ends_the_cookie_and_what_began_with_it(
    browser: httpx.AsyncClient, world: World
) -> None:
    tokens, elsewhere = await _signed_in(browser, world), await _signed_in_elsewhere(world)
    page = await browser.get("/oauth/logout")
    form = Form(page.text)
    assert (page.status_code, form.method, form.action) == (200, "post", "/oauth/logout")
    left = await browser.post(form.action, data=form.fields)
    assert (left.status_code, left.headers["location"]) == (303, "/")
    assert "shuyuan_sign_in" not in browser.cookies
    refreshed = await browser.post("/oauth/token", data=_refresh(tokens["refresh_token"]))
    assert _said(refreshed) == (400, "invalid_grant")
    await _refused(world, tokens["access_token"])
    assert await _status(world, elsewhere["access_token"]) == 200


async def _signed_in_elsewhere(world: World) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=world.base_url, timeout=120) as other:
        return await _signed_in(other, world)


async def test_nobody_is_signed_out_by_another_page(
    browser: httpx.AsyncClient, world: World
) -> None:
    tokens = await _signed_in(browser, world)
    token = Form((await browser.get("/oauth/logout")).text).fields["token"]
    for data, headers in (
        ({"token": "guessed"}, {}),
        ({}, {}),
        ({"token": "汉"}, {}),
        ({"token": token}, {"Origin": "https://evil.example"}),
        ({"token": token}, {"Origin": "http://["}),
    ):
        answer = await browser.post("/oauth/logout", data=data, headers=headers)
        assert answer.status_code == 400
        assert answer.headers["content-type"].startswith("text/html")
    assert await _status(world, tokens["access_token"]) == 200


async def test_a_form_from_another_site_is_not_taken(
    browser: httpx.AsyncClient, world: World
) -> None:
    username, password = await _person(world)
    form = authorization_query("v" * 43) | {"username": username, "password": password}
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ):
        answer = await browser.post("/oauth/authorize", data=form, headers=headers)
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers
    own = {"Origin": str(browser.base_url).rstrip("/")}
    assert (await browser.post("/oauth/authorize", data=form, headers=own)).status_code == 303


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": ""},
        {"client_id": "stranger"},
        {"client_id": ""},
    ],
)
async def test_a_stranger_gets_a_page_and_nobody_is_sent_there(
    browser: httpx.AsyncClient, changed: dict[str, str]
) -> None:
    query = authorization_query("v" * 43) | changed
    answers = [
        await browser.get("/oauth/authorize", params=query),
        await browser.post("/oauth/authorize", data=query | {"username": "a", "password": "b"}),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert answer.headers["content-type"].startswith("text/html")


async def test_other_faults_go_back_to_the_client(browser: httpx.AsyncClient) -> None:
    query = authorization_query("v" * 43) | {"code_challenge_method": "plain"}
    answer = await browser.get("/oauth/authorize", params=query)
    assert answer.status_code == 303
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back["error"] == ["invalid_request"]
    assert back["state"] == [query["state"]]


async def test_a_code_used_twice_ends_what_it_gave(
    browser: httpx.AsyncClient, world: World
) -> None:
    code, verifier = await _code(browser, world)
    tokens = (await exchange(browser, code, verifier)).json()
    assert await _status(world, tokens["access_token"]) == 200
    assert _said(await exchange(browser, code, verifier)) == (400, "invalid_grant")
    await _refused(world, tokens["access_token"])
    refreshed = await browser.post("/oauth/token", data=_refresh(tokens["refresh_token"]))
    assert _said(refreshed) == (400, "invalid_grant")


async def test_of_many_who_present_one_code_at_once_one_at_most_gets_tokens(
    browser: httpx.AsyncClient, world: World
) -> None:
    code, verifier = await _code(browser, world)
    answers = await asyncio.gather(*(exchange(browser, code, verifier) for _ in range(10)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    await _refused(world, won[0].json()["access_token"])


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "w" * 43},
        {"redirect_uri": "http://127.0.0.1:1/callback"},
        {"code": "guessed"},
    ],
)
async def test_a_code_is_nothing_without_its_verifier_and_address(
    browser: httpx.AsyncClient, world: World, changed: dict[str, str]
) -> None:
    code, verifier = await _code(browser, world)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "client_id": CLI,
        "code_verifier": verifier,
    }
    refused = await browser.post("/oauth/token", data=form | changed)
    assert _said(refused) == (400, "invalid_grant")


@pytest.mark.parametrize("verifier", ["v", "w" * 42, "w" * 10_000, "w" * 42 + "!", "汉" * 43])
async def test_what_is_no_verifier_is_told_so_and_does_not_use_the_code_up(
    browser: httpx.AsyncClient, world: World, verifier: str
) -> None:
    """Verifiers of one character or of ten thousand passed, others were `invalid_grant` (D10)."""
    code, right = await _code(browser, world)
    assert _said(await exchange(browser, code, verifier)) == (400, "invalid_request")
    assert (await exchange(browser, code, right)).status_code == 200


@pytest.mark.parametrize("left_out", ["code", "code_verifier", "redirect_uri"])
async def test_pkce_cannot_be_left_out_at_the_token_endpoint(
    browser: httpx.AsyncClient, world: World, left_out: str
) -> None:
    code, verifier = await _code(browser, world)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "client_id": CLI,
        "code_verifier": verifier,
    }
    del form[left_out]
    assert _said(await browser.post("/oauth/token", data=form)) == (400, "invalid_request")


async def test_a_refresh_token_is_used_once_and_narrows_only(world: World) -> None:
    tokens = await staff_tokens(world.base_url, *await _person(world))
    narrow = await world.http.post(
        "/oauth/token", data=_refresh(tokens["refresh_token"], scope="catalog:read")
    )
    assert narrow.json()["scope"] == "catalog:read"
    second = narrow.json()["refresh_token"]
    wide = await world.http.post("/oauth/token", data=_refresh(second, scope="records:read"))
    assert _said(wide) == (400, "invalid_scope")
    again = await world.http.post("/oauth/token", data=_refresh(second))
    assert set(again.json()["scope"].split()) == set(tokens["scope"].split())


async def test_a_refresh_whose_answer_was_lost_is_answered_again(world: World) -> None:
    """A lost answer ended the whole family, and nobody was told why (D16, ADR 0021)."""
    tokens = await staff_tokens(world.base_url, *await _person(world))
    form = _refresh(tokens["refresh_token"])
    first, again = [(await world.http.post("/oauth/token", data=form)).json() for _ in range(2)]
    assert first["refresh_token"] == again["refresh_token"] != tokens["refresh_token"]
    for answer in (first, again):
        assert await _status(world, answer["access_token"]) == 200
    await world.http.post("/oauth/revoke", data={"token": again["access_token"], "client_id": CLI})
    # Two texts of one token: both have ended.
    for answer in (first, again):
        await _refused(world, answer["access_token"])


async def test_of_many_refreshes_at_once_all_get_the_same_successor(world: World) -> None:
    tokens = await staff_tokens(world.base_url, *await _person(world))
    form = _refresh(tokens["refresh_token"])
    answers = await asyncio.gather(*(world.http.post("/oauth/token", data=form) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert await _status(world, answers[0].json()["access_token"]) == 200


async def test_a_refresh_token_whose_successor_was_used_ends_the_whole_family(
    world: World,
) -> None:
    tokens = await staff_tokens(world.base_url, *await _person(world))
    first = _refresh(tokens["refresh_token"])
    second = (await world.http.post("/oauth/token", data=first)).json()
    third = (await world.http.post("/oauth/token", data=_refresh(second["refresh_token"]))).json()
    assert await _status(world, third["access_token"]) == 200
    assert _said(await world.http.post("/oauth/token", data=first)) == (400, "invalid_grant")
    for token in (tokens["access_token"], second["access_token"], third["access_token"]):
        await _refused(world, token)
    fourth = await world.http.post("/oauth/token", data=_refresh(third["refresh_token"]))
    assert _said(fourth) == (400, "invalid_grant")


async def test_a_refresh_token_given_back_ends_its_access_token(world: World) -> None:
    tokens = await staff_tokens(world.base_url, *await _person(world))
    form = {"token": tokens["refresh_token"], "client_id": CLI}
    assert (await world.http.post("/oauth/revoke", data=form)).status_code == 200
    await _refused(world, tokens["access_token"])


async def test_failed_sign_ins_slow_a_name_down_whether_or_not_it_exists(
    browser: httpx.AsyncClient, world: World
) -> None:
    username, password = await _person(world)
    for name in (username, "nobody-" + username):
        form = authorization_query("v" * 43) | {"username": name, "password": "wrong"}
        for _ in range(5):
            assert (await browser.post("/oauth/authorize", data=form)).status_code == 401
        slowed = await browser.post("/oauth/authorize", data=form)
        right = await browser.post("/oauth/authorize", data=form | {"password": password})
        assert slowed.status_code == right.status_code == 429
        assert 0 < int(slowed.headers["Retry-After"]) <= 15
        assert Form(slowed.text).fields.keys() >= {"username", "password"}


async def test_a_right_password_clears_the_failures(
    browser: httpx.AsyncClient, world: World
) -> None:
    username, password = await _person(world)
    wrong = authorization_query("v" * 43) | {"username": username, "password": "wrong"}
    for _ in range(2):
        for _ in range(4):
            assert (await browser.post("/oauth/authorize", data=wrong)).status_code == 401
        right = {**wrong, "password": password}
        assert (await browser.post("/oauth/authorize", data=right)).status_code == 303


async def test_a_form_that_is_no_form_is_refused(browser: httpx.AsyncClient) -> None:
    for body in (b"\xff=%FF", b"username=%00", urlencode({"a": "b"}).encode(), b""):
        answer = await browser.post(
            "/oauth/authorize",
            content=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_code == 400
