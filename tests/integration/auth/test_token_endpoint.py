"""Application systems get, describe and give back tokens (RFC 6749, 7009, 7523, 7662, 9068)."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.support.callers import ClientApp, told
from tests.support.eventually import eventually
from tests.support.identity import CLI, answers_of_workers, bearer, sign_in
from tests.support.world import Department, World, unique

GRANT = {"grant_type": "client_credentials"}
SCOPES = ["catalog:read", "records:read"]
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY = ECKey.generate_key("P-256", auto_kid=True)
RSA = RSAKey.generate_key(2048, auto_kid=True)


async def _app(world: World, department: Department | None = None) -> ClientApp:
    owner = department or await world.department()
    body = {
        "name": "系统",
        "department": owner.uscc,
        "scopes": SCOPES,
        "auth_method": "client_secret_basic",
    }
    return ClientApp(world.http, owner.uscc, await owner.head.ask("POST", "/v1/clients", body))


async def _ask(
    world: World, app: ClientApp, path: str = "/oauth/token", **form: str
) -> httpx.Response:
    return await world.http.post(path, data=form, auth=(app.id, app.secret))


def _error(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()["error"]


async def test_a_token_is_as_rfc_9068_says_and_the_published_keys_prove_it(world: World) -> None:
    app = await _app(world)
    answer = told(await _ask(world, app, **GRANT))
    assert answer["scope"].split() == SCOPES
    assert answer["token_type"] == "Bearer"
    keys = KeySet.import_key_set((await world.http.get("/oauth/jwks")).json())
    token = jwt.decode(answer["access_token"], keys, algorithms=["ES256"])
    assert token.header["typ"] == "at+jwt"
    claims = token.claims
    assert claims["iss"] == claims["aud"] == world.base_url
    assert claims["sub"] == claims["client_id"] == app.id
    assert claims["dept"] == app.department
    assert claims["exp"] - claims["iat"] == answer["expires_in"]
    assert claims["jti"]


async def test_a_persons_token_names_the_person_and_the_client(world: World) -> None:
    department = await world.department()
    await department.head.token()
    token = await sign_in(world.base_url, department.head.username, department.head.password)
    keys = KeySet.import_key_set((await world.http.get("/oauth/jwks")).json())
    claims = jwt.decode(token, keys, algorithms=["ES256"]).claims
    me = (await world.http.get("/v1/me", headers=bearer(token))).json()
    assert (claims["sub"], claims["client_id"]) == (me["id"], CLI)
    assert claims["dept"] == department.uscc


async def test_the_keys_say_nothing_private(world: World) -> None:
    for key in (await world.http.get("/oauth/jwks")).json()["keys"]:
        assert not {"d", "p", "q", "k"} & key.keys()
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")


async def test_the_metadata_names_doors_that_are_there(world: World) -> None:
    document = (await world.http.get("/.well-known/oauth-authorization-server")).json()
    assert document["issuer"] == world.base_url
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint"):
        answer = await world.http.post(document[name], data={})
        assert _error(answer) == (400, "invalid_request")
    assert (await world.http.get(document["jwks_uri"])).status_code == 200
    assert (await world.http.get(document["authorization_endpoint"])).status_code == 400


async def test_a_wrong_secret_an_unknown_and_a_mute_client_are_refused_alike(world: World) -> None:
    app = await _app(world)
    for auth in ((app.id, "wrong"), ("nobody", app.secret), (app.id, ""), ("汉", "字")):
        answer = await world.http.post("/oauth/token", data=GRANT, auth=auth)
        assert _error(answer) == (401, "invalid_client")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    for header in (
        b"Basic", b"Basic !!!", b"Basic /////w==", b"Basic \xe9", b"Bearer x", b"\xff",
        b"Basic Og==", b"",
    ):  # fmt: skip
        answer = await world.http.post(
            "/oauth/token", data=GRANT, headers=[(b"Authorization", header)]
        )
        assert _error(answer) == (401, "invalid_client")
    assert _error(await world.http.post("/oauth/token", data=GRANT)) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({**GRANT, "scope": "admin"}, "invalid_scope"),
        ({**GRANT, "resource": "https://other.example"}, "invalid_target"),
        ({"grant_type": "authorization_code", "code": "x"}, "unauthorized_client"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "unauthorized_client"),
        ({**GRANT, "client_id": "another"}, "invalid_request"),
        ({**GRANT, "client_secret": "x"}, "invalid_request"),
    ],
)
async def test_errors_are_those_of_rfc_6749(world: World, form: dict[str, str], error: str) -> None:
    answer = await _ask(world, await _app(world), **form)
    assert _error(answer) == (400, error)


async def test_a_doubled_parameter_is_refused(world: World) -> None:
    app = await _app(world)
    answer = await world.http.post(
        "/oauth/token",
        content=b"grant_type=client_credentials&grant_type=client_credentials",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        auth=(app.id, app.secret),
    )
    assert _error(answer) == (400, "invalid_request")


async def test_the_public_client_has_no_credentials(world: World) -> None:
    answer = await world.http.post("/oauth/token", data={**GRANT, "client_id": CLI})
    assert _error(answer) == (400, "unauthorized_client")


async def test_a_body_that_is_no_form_is_refused(world: World) -> None:
    answer = await world.http.post("/oauth/token", json=GRANT)
    assert answer.status_code == 415


async def test_the_scope_may_be_narrowed_and_the_resource_named(world: World) -> None:
    answer = await _ask(
        world, await _app(world), **GRANT, scope="records:read", resource=world.base_url
    )
    assert told(answer)["scope"] == "records:read"


async def _signer(world: World) -> tuple[str, Department]:
    department = await world.department()
    keys = [KEY.as_dict(private=False), RSA.as_dict(private=False)]
    body = {
        "name": "自签系统",
        "department": department.uscc,
        "scopes": SCOPES,
        "auth_method": "private_key_jwt",
        "jwks": {"keys": keys},
    }
    made = await department.head.ask("POST", "/v1/clients", body)
    assert made["client_secret"] is None
    return made["client_id"], department


def _assertion(world: World, client_id: str, **changed: object) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{world.base_url}/oauth/token",
        "jti": unique(),
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (claims | changed).items() if value is not None}


def _signed(claims: dict[str, Any], key: ECKey | RSAKey = KEY, alg: str = "ES256") -> str:
    return jwt.encode({"alg": alg, "kid": str(key.kid)}, claims, key, algorithms=[alg])


async def _assert(world: World, assertion: str, **more: str) -> httpx.Response:
    form = {**GRANT, "client_assertion_type": ASSERTION, "client_assertion": assertion, **more}
    return await world.http.post("/oauth/token", data=form)


async def test_a_client_that_signs_gets_a_token(world: World) -> None:
    client_id, _ = await _signer(world)
    for audience in (world.base_url, f"{world.base_url}/oauth/token", [world.base_url]):
        claims = _assertion(world, client_id, aud=audience)
        answer = told(await _assert(world, _signed(claims), client_id=client_id))
        me = await world.http.get("/v1/me", headers=bearer(answer["access_token"]))
        assert me.json()["id"] == client_id
    for alg in ("RS256", "PS256"):
        assert told(await _assert(world, _signed(_assertion(world, client_id), RSA, alg)))


async def test_an_assertion_is_used_once(world: World) -> None:
    client_id, _ = await _signer(world)
    assertion = _signed(_assertion(world, client_id))
    answers = await asyncio.gather(*(_assert(world, assertion) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.example"},
        {"aud": None},
        {"aud": {}},
        {"aud": []},
        {"aud": [5]},
        {"sub": "another"},
        {"sub": None},
        {"iss": "nobody"},
        {"iss": None},
        {"iss": 5},
        {"jti": None},
        {"jti": ""},
        {"jti": "\x00"},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 10**400},
        {"exp": True},
        {"exp": 1},
        {"exp": 4_000_000_000},
        {"exp": 1e300},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
    ],
)
async def test_an_assertion_of_another_or_of_another_time_is_refused(
    world: World, changed: dict[str, object]
) -> None:
    client_id, _ = await _signer(world)
    answer = await _assert(world, _signed(_assertion(world, client_id, **changed)))
    assert _error(answer) == (401, "invalid_client")


async def test_an_assertion_by_another_key_is_refused(world: World) -> None:
    client_id, _ = await _signer(world)
    stranger = ECKey.generate_key("P-256", {"kid": str(KEY.kid)})
    claims = _assertion(world, client_id)
    unsigned = _signed(claims).rsplit(".", 1)[0] + "."
    for assertion in (_signed(claims, stranger), unsigned, "no jwt", "汉字", "." * 9000):
        assert _error(await _assert(world, assertion)) == (401, "invalid_client")
    app = await _app(world)
    other = _signed(_assertion(world, app.id))
    assert _error(await _assert(world, other)) == (401, "invalid_client")


async def test_a_client_authenticates_in_one_way(world: World) -> None:
    client_id, _ = await _signer(world)
    form = {
        **GRANT,
        "client_assertion_type": ASSERTION,
        "client_assertion": _signed(_assertion(world, client_id)),
    }
    answer = await world.http.post("/oauth/token", data=form, auth=(client_id, "x"))
    assert _error(answer) == (400, "invalid_request")
    wrong_type = {**form, "client_assertion_type": "saml"}
    assert _error(await world.http.post("/oauth/token", data=wrong_type))[1] == "invalid_request"
    answer = await world.http.post("/oauth/token", data=GRANT, auth=(client_id, "x"))
    assert _error(answer) == (401, "invalid_client")


async def test_a_client_that_signs_has_no_secret_to_rotate_but_changes_its_keys(
    world: World,
) -> None:
    client_id, department = await _signer(world)
    path = f"/v1/clients/{client_id}"
    assert (await department.head.post(f"{path}/rotate")).status_code == 409
    new = ECKey.generate_key("P-256", auto_kid=True)
    body = {"jwks": {"keys": [new.as_dict(private=False)]}}
    changed = await department.head.patch(path, body, headers={"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    old = await _assert(world, _signed(_assertion(world, client_id)))
    assert old.status_code == 401
    assert told(await _assert(world, _signed(_assertion(world, client_id), new)))


async def test_a_token_is_described_to_its_own_department_only(world: World) -> None:
    one, two = await asyncio.gather(world.department(), world.department())
    app, colleague, stranger = await asyncio.gather(
        _app(world, one), _app(world, one), _app(world, two)
    )
    token = await app.token()
    for asking in (app, colleague):
        described = told(await _ask(world, asking, "/oauth/introspect", token=token))
        assert described["active"] is True
        assert described["client_id"] == described["sub"] == app.id
        assert described["scope"].split() == SCOPES
        assert described["iss"] == world.base_url
    inactive = {"active": False}
    assert told(await _ask(world, stranger, "/oauth/introspect", token=token)) == inactive
    assert told(await _ask(world, app, "/oauth/introspect", token="x")) == inactive
    answer = await world.http.post("/oauth/introspect", data={"token": token})
    assert _error(answer) == (401, "invalid_client")
    public = {"token": token, "client_id": CLI}
    answer = await world.http.post("/oauth/introspect", data=public)
    assert _error(answer) == (401, "invalid_client")


async def test_a_token_given_back_is_refused_by_both_workers_within_a_second(
    world: World,
) -> None:
    app = await _app(world)
    token = await app.token()
    before = await answers_of_workers(world.base_url, token)
    assert list(before.values()) == [{(200, "")}] * 2
    assert (await _ask(world, app, "/oauth/revoke", token=token)).status_code == 200

    async def refused_by_both() -> bool:
        after = await answers_of_workers(world.base_url, token)
        assert after.keys() == before.keys()
        return list(after.values()) == [{(401, "token_revoked")}] * 2

    await eventually(refused_by_both, within_seconds=1.0)
    refused = await world.http.get("/v1/me", headers=bearer(token))
    assert refused.json()["code"] == "token_revoked"
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert told(await _ask(world, app, "/oauth/introspect", token=token)) == {"active": False}


async def test_only_ones_own_tokens_can_be_given_back(world: World) -> None:
    app, other = await asyncio.gather(_app(world), _app(world))
    token = await app.token()
    for asking, form in ((other, {"token": token}), (other, {"token": "x"})):
        assert (await _ask(world, asking, "/oauth/revoke", **form)).status_code == 200
    public = {"token": token, "client_id": CLI}
    assert (await world.http.post("/oauth/revoke", data=public)).status_code == 200
    await asyncio.sleep(1.0)
    assert (await app.get("/v1/me")).status_code == 200
    answer = await world.http.post("/oauth/revoke", data={"token": token})
    assert _error(answer) == (401, "invalid_client")


async def test_forged_tokens_are_refused(world: World) -> None:
    app = await _app(world)
    token = await app.token()
    head, body, _signature = token.split(".")
    header = jws.extract_compact(token.encode()).headers()
    own = jwt.encode(header, {"sub": app.id}, KEY, algorithms=["ES256"])
    for forged in (f"{head}.{body}.", f"{head}.{body}.AAAA", own, "x", token + "A", "汉"):
        headers = {b"Authorization": f"Bearer {forged}".encode()}
        answer = await world.http.get("/v1/me", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    answer = await world.http.get("/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
