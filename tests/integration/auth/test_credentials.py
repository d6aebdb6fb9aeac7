"""Secrets and passwords over HTTP: temporary ones, rotation, answers given again, bad requests."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.support.identity import (
    Form,
    authorization_query,
    bearer,
    client_token,
    code_of,
    exchange,
    fill_form,
    sign_in,
)
from tests.support.world import World, unique

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
async def browser(gateway: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway, timeout=240) as opened:
        yield opened


async def _person(world: World, **more: object) -> dict[str, Any]:
    department = await world.department()
    body = {
        "username": unique("u"),
        "name": "韦某",
        "department": department.uscc,
        "roles": ["clerk"],
        "password": secrets.token_urlsafe(12),
        **more,
    }
    made = await world.security.ask("POST", "/v1/people", body)
    return body | {"id": made["id"]}


async def test_a_temporary_password_opens_only_the_page_that_replaces_it(
    browser: httpx.AsyncClient, world: World
) -> None:
    """`security` knew every password it had set, and used it as it liked (D8)."""
    person = await _person(world, temporary=True)
    verifier = secrets.token_urlsafe(48)
    query = authorization_query(verifier)
    page = await fill_form(browser, query, person["username"], person["password"])
    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    form = Form(page.text)
    assert {"ticket", "new_password", "new_password_again"} <= form.fields.keys()
    assert person["password"] not in page.text

    async def choose(new: str, again: str = "", **more: str) -> httpx.Response:
        filled = form.fields | {"new_password": new, "new_password_again": again or new, **more}
        return await browser.post("/oauth/authorize", data=filled)

    for new, again in (
        ("short", ""),
        ("1234567890", ""),
        (person["password"], ""),
        (person["username"], ""),
        ("correct horse battery", "correct horse batterz"),
    ):
        refused = await choose(new, again)
        assert refused.status_code == 422, new
        assert 'role="alert"' in refused.text
    assert (await choose("correct horse battery", ticket="made up")).status_code == 401
    sent = await choose("correct horse battery")
    assert (await exchange(browser, code_of(sent), verifier)).status_code == 200
    assert (await choose("another horse battery")).status_code == 401
    assert await sign_in(world.base_url, person["username"], "correct horse battery")


async def test_ones_own_password_needs_the_old_one_and_another_new_one(world: World) -> None:
    department = await world.department()
    other = await world.new_person(department.uscc, "security")
    me = (await other.ask("GET", "/v1/me"))["id"]
    answer = await other.patch(
        f"/v1/people/{me}", {"password": "correct horse"}, headers={"If-Match": "*"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    same = {"old_password": other.password, "new_password": other.password}
    answer = await other.post("/v1/me/password", same)
    assert [error["code"] for error in answer.json()["errors"]] == ["pattern"]


async def test_two_secrets_hold_while_a_rotation_overlaps(world: World) -> None:
    department = await world.department()
    app = await world.client(department)
    path = f"/v1/clients/{app.id}/rotate"
    rotated = await department.head.ask("POST", path, {"overlap_hours": 168})
    for secret in (app.secret, rotated["client_secret"]):
        assert await client_token(world.base_url, app.id, secret)
    last = await department.head.ask("POST", path, {})
    assert await client_token(world.base_url, app.id, last["client_secret"])
    for secret in (app.secret, rotated["client_secret"]):
        answer = await world.http.post("/oauth/token", data=GRANT, auth=(app.id, secret))
        assert answer.status_code == 401
    for body in (
        {"overlap_hours": 169},
        {"overlap_hours": -1},
        {"overlap_hours": "1"},
        {"overlap_hours": 1, "revoke_tokens": True},
    ):
        answer = await department.head.post(path, body)
        assert answer.status_code == 422


async def test_an_answer_is_given_again_only_to_who_may_ask_and_without_its_secret(
    world: World,
) -> None:
    """Any token of the same caller got the first answer again, secret and all (D9)."""
    department = await world.department()
    body = {"name": "系统", "department": department.uscc, "scopes": ["records:read"]}
    headers = {"Idempotency-Key": unique()}
    made = await department.head.post("/v1/clients", body, headers=headers)
    assert made.json()["client_secret"]
    head = department.head
    narrow = await sign_in(world.base_url, head.username, head.password, "catalog:read")
    refused = await world.http.post("/v1/clients", json=body, headers=headers | bearer(narrow))
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    again = await head.post("/v1/clients", body, headers=headers)
    assert again.status_code == 201
    assert again.json() == made.json() | {"client_secret": None}
    found = await world.security.ask("GET", f"/v1/people?q={head.username}")
    path = f"/v1/people/{found['items'][0]['id']}"
    await world.security.ask("PATCH", path, {"roles": ["clerk"]}, headers={"If-Match": "*"})

    async def role_gone() -> httpx.Response:
        return await head.post("/v1/clients", body, headers=headers)

    for _ in range(50):
        refused = await role_gone()
        if refused.status_code != 201:
            break
    assert (refused.status_code, refused.json()["code"]) == (403, "role_required")


async def test_a_change_of_nothing_is_refused_and_counts_as_none(world: World) -> None:
    """`PATCH {}` asked for no role, and raised the revision (D19)."""
    department = await world.department()
    app = await world.client(department)
    for caller, path in (
        (department.head, f"/v1/clients/{app.id}"),
        (world.operator, f"/v1/departments/{department.uscc}"),
    ):
        before = (await caller.get(path)).headers["ETag"]
        answer = await caller.patch(path, {}, headers={"If-Match": "*"})
        assert answer.status_code == 422
        assert (await caller.get(path)).headers["ETag"] == before
    unfit = await department.clerk.patch(f"/v1/clients/{app.id}", {}, headers={"If-Match": "*"})
    assert unfit.status_code == 403


async def test_an_assertion_stays_used_although_what_came_with_it_is_refused(
    world: World,
) -> None:
    """The refusal of the scope rolled the use back: the assertion worked once more (D13)."""
    key = ECKey.generate_key("P-256", auto_kid=True)
    department = await world.department()
    body = {
        "name": "自签系统",
        "department": department.uscc,
        "scopes": ["records:read"],
        "auth_method": "private_key_jwt",
        "jwks": {"keys": [key.as_dict(private=False) | {"note": "x" * 1000}]},
    }
    made = await department.head.ask("POST", "/v1/clients", body)
    assert "note" not in made["jwks"]["keys"][0]
    client_id, now = made["client_id"], int(time.time())
    claims = {
        "iss": client_id, "sub": client_id, "aud": world.base_url, "jti": unique(),
        "exp": now + 60,
    }  # fmt: skip
    form = {
        **GRANT,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "ES256"}, claims, key, algorithms=["ES256"]),
    }
    refused = await world.http.post("/oauth/token", data=form | {"scope": "bogus"})
    assert refused.json()["error"] == "invalid_scope"
    again = await world.http.post("/oauth/token", data=form)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect", "/oauth/revoke"])
async def test_every_refusal_of_a_token_endpoint_is_one_of_rfc_6749(
    world: World, path: str
) -> None:
    """JSON, a body too large and another method got bodies that OAuth libraries cannot read."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for answer, status in (
        (await world.http.post(path, json={}), 415),
        (await world.http.post(path, content=b"a=" + b"x" * 1_100_000, headers=form), 413),
        (await world.http.put(path, content=b"a=1", headers=form), 405),
        (await world.http.get(path), 405),
        (await world.http.post(path, content=b"a=%FF", headers=form), 400),
        (await world.http.post(path + "?a=%00", content=b"a=1", headers=form), 400),
    ):
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json()["error"] == "invalid_request"
        assert answer.json()["error_description"].isascii()
        assert not answer.json()["detail"].isascii()
    english = await world.http.post(path, json={}, headers={"Accept-Language": "en"})
    assert english.json()["detail"] == english.json()["error_description"]
