"""Who is not known, or not allowed, is refused alike on FastAPI's routes and on the hot paths."""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey

from auth.issuing import TokenGrant, sign
from auth.keys import KeyRing
from kernel import clock
from kernel.database import Database
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.world import ClientApp, Department, Sharing, World

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    """One that nobody publishes into."""
    return await world.sharing()


def doors(sharing: Sharing) -> list[tuple[str, str]]:
    return [
        ("GET", "/v1/me"),
        ("GET", "/v1/standards"),
        ("POST", f"/v1/resources/{sharing.resource}/records"),
        ("GET", f"/v1/subscriptions/{sharing.subscription}/records"),
    ]


async def refused(
    world: World, sharing: Sharing, headers: Mapping[str, str | bytes], code: str
) -> None:
    named = [(name.encode(), _bytes(value)) for name, value in {**JSON, **headers}.items()]
    for method, path in doors(sharing):
        content = b'{"id":"1","name":"x"}' if method == "POST" else None
        answer = await world.http.request(method, path, content=content, headers=named)
        problem(answer, 401, code)
        challenge = answer.headers["www-authenticate"]
        assert challenge.startswith("Bearer ")
        assert ("invalid_token" in challenge) == (code != "token_missing")
    assert (await sharing.subscriber.pull(sharing.subscription)).records == []


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


async def granted(client: ClientApp) -> TokenGrant:
    """Return what the client's own tokens say."""
    payload = (await client.token()).split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return TokenGrant(said["sub"], said["client_id"], said["dept"], said["scope"], said["gen"])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Basic c3lzdGVtOnNlY3JldA=="},
        {"Authorization": "token"},
        {"Cookie": "session=token"},
    ],
    ids=str,
)
async def test_without_a_token_nothing_is_told(
    world: World, sharing: Sharing, headers: dict[str, str]
) -> None:
    await refused(world, sharing, headers, "token_missing")


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


MALFORMED = {
    "a word": "x",
    "dots": "...",
    "not base64": "a.b.c",
    "alg none": f"{_part({'alg': 'none', 'typ': 'at+jwt'})}.{_part({'sub': 'x'})}.",
    "alg HS256": f"{_part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'x'})}.{_part({})}.AAAA",
    "unknown key": f"{_part({'alg': 'ES256', 'typ': 'at+jwt', 'kid': 'x'})}.{_part({})}.AAAA",
    "a list for a head": f"{_part([])}.{_part({})}.AAAA",
    "deep": f"{base64.urlsafe_b64encode(b'[' * 2000).decode()}.{_part({})}.AAAA",
    "long": "x" * 8_000,
    "Latin": "é.é.é",
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_token_is_invalid(world: World, sharing: Sharing, name: str) -> None:
    headers = {"Authorization": f"Bearer {MALFORMED[name]}".encode("latin-1")}
    await refused(world, sharing, headers, "token_invalid")


async def test_a_token_of_another_time_is_expired(
    world: World, sharing: Sharing, database: Database, settings: dict[str, str]
) -> None:
    """Signed with the platform's own key for a client that lives: only its time is over."""
    parsed = Settings(master_key=settings["SHUYUAN_MASTER_KEY"], base_url=world.base_url)
    ring = KeyRing(database, Secretbox(parsed.master_key_bytes()))
    grant = await granted(sharing.subscriber)
    key = await ring.signing()
    earlier = clock.now() - timedelta(hours=1)
    ended = sign(key, parsed.base_url, grant, seconds=3599, now=earlier)
    await refused(world, sharing, {"Authorization": f"Bearer {ended.text}"}, "token_expired")
    living = sign(key, parsed.base_url, grant, seconds=60, now=clock.now())
    answer = await world.http.get("/v1/me", headers={"Authorization": f"Bearer {living.text}"})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("change", [{"base_url": "http://elsewhere"}, {"key": "another"}])
async def test_a_token_of_another_issuer_or_key_is_invalid(
    world: World,
    sharing: Sharing,
    database: Database,
    settings: dict[str, str],
    change: dict[str, str],
) -> None:
    ring = KeyRing(
        database, Secretbox(Settings(master_key=settings["SHUYUAN_MASTER_KEY"]).master_key_bytes())
    )
    real = await ring.signing()
    key = real
    if "key" in change:
        key = ECKey.generate_key("P-256", {"kid": str(real.kid), "alg": "ES256", "use": "sig"})
    grant = await granted(sharing.subscriber)
    forged = sign(key, change.get("base_url", world.base_url), grant, seconds=60, now=clock.now())
    await refused(world, sharing, {"Authorization": f"Bearer {forged.text}"}, "token_invalid")


async def test_a_revoked_token_is_revoked_everywhere(world: World, sharing: Sharing) -> None:
    client = await world.client(sharing.consumer)
    token = await client.token()
    headers = {"Authorization": f"Bearer {token}"}
    assert (await world.http.get("/v1/me", headers=headers)).status_code == 200
    form = {"token": token}
    answer = await world.http.post("/oauth/revoke", data=form, auth=(client.id, client.secret))
    assert answer.status_code == 200

    async def told() -> bool:
        return (await world.http.get("/v1/me", headers=headers)).status_code == 401

    await eventually(told, within_seconds=1.0)
    await refused(world, sharing, headers, "token_revoked")


async def test_a_missing_scope_is_named(world: World, department: Department) -> None:
    client = await world.client(department, ["catalog:read"])
    for method, path in (
        ("POST", "/v1/resources/x/records"),
        ("GET", "/v1/subscriptions/x/records"),
        ("POST", "/v1/standards"),
    ):
        body: Any = {} if method == "POST" else None
        answer = await client.send(method, path, body)
        said = problem(answer, 403, "insufficient_scope")
        assert said["required"] in answer.headers["www-authenticate"]


async def test_what_another_department_has_is_not_there(
    world: World, system: ClientApp, sharing: Sharing
) -> None:
    """A thing of others and a thing that never was are answered in the same words."""
    for path in ("/v1/subscriptions/{}/records", "/v1/subscriptions/{}", "/v1/clients/{}"):
        theirs = sharing.subscriber.id if "clients" in path else sharing.subscription
        told = []
        for thing in (theirs, "0" * 32):
            said = problem(await system.get(path.format(thing)), 404, "not_found")
            told.append((said["title"], said["detail"]))
        assert told[0] == told[1]
    answer = await system.post(
        f"/v1/resources/{sharing.resource}/records", {"id": "1", "name": "x"}
    )
    problem(answer, 403, "not_your_department")
    answer = await system.post("/v1/resources/" + "0" * 32 + "/records", {"id": "1", "name": "x"})
    problem(answer, 404, "not_found")
    assert (await sharing.subscriber.pull(sharing.subscription)).records == []
