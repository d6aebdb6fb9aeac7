"""Departments, people and clients through the API (`api.md` section 2)."""

import asyncio
from typing import Any

import httpx

from auth import directory
from auth.regions.tree import covers
from kernel.database import Database
from tests.support.callers import Caller
from tests.support.eventually import eventually
from tests.support.identity import (
    answers_of_workers,
    bearer,
    client_token,
    new_uscc,
    sign_in,
    staff_tokens,
)
from tests.support.world import World, unique

WITHIN = 1.0


def _errors(answer: httpx.Response) -> set[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return {(error["path"], error["code"]) for error in answer.json()["errors"]}


def _department(**changed: object) -> dict[str, object]:
    name = unique("测试厅")
    return {"uscc": new_uscc(), "name": name, "region_code": "450000", "authority": False} | changed


def _person(department: str, **changed: object) -> dict[str, object]:
    made = {"username": unique("u"), "name": "韦某", "department": department, "roles": ["clerk"]}
    return {**made, "password": "correct horse", **changed}


def _client(department: str, **changed: object) -> dict[str, object]:
    method = "client_secret_basic"
    made = {"name": "系统", "department": department, "auth_method": method}
    return {**made, "scopes": ["records:read", "catalog:read"], **changed}


async def _refused(caller: Caller, method: str, path: str, body: object = None) -> str:
    answer = await caller.send(method, path, body)
    assert answer.status_code in (403, 404, 409), answer.text
    return str(answer.json()["code"])


async def test_the_operator_registers_a_department_once(world: World) -> None:
    body = _department()
    made = await world.operator.post("/v1/departments", body)
    assert made.status_code == 201
    assert made.json().items() >= body.items()
    assert made.headers["ETag"] == '"1"'
    assert (await world.operator.post("/v1/departments", body)).status_code == 409
    for other in (world.security, world.auditor, world.authority):
        assert await _refused(other, "POST", "/v1/departments", _department()) == "role_required"


async def test_a_wrong_check_place_is_named(world: World) -> None:
    code = new_uscc()
    wrong = code[:-1] + ("1" if code[-1] != "1" else "2")
    for uscc, reason in ((wrong, "check_digit"), ("not a code", "pattern")):
        answer = await world.operator.post("/v1/departments", _department(uscc=uscc))
        assert _errors(answer) == {("uscc", reason)}
    answer = await world.operator.post("/v1/departments", _department(region_code="45"))
    assert _errors(answer) == {("region_code", "pattern")}


async def test_one_key_registers_one_department(world: World) -> None:
    body, headers = _department(), {"Idempotency-Key": unique()}
    answers = await asyncio.gather(
        *(world.operator.post("/v1/departments", body, headers=headers) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    other = await world.operator.post("/v1/departments", _department(), headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"


async def test_a_change_needs_the_revision_that_was_read(world: World) -> None:
    path = "/v1/departments/" + (await world.department()).uscc
    tag = (await world.operator.get(path)).headers["ETag"]
    new = {"name": unique("改名厅")}
    assert (await world.operator.patch(path, new)).status_code == 428
    changed = await world.operator.patch(path, new, headers={"If-Match": tag})
    assert changed.json()["name"] == new["name"]
    again = await world.operator.patch(path, new, headers={"If-Match": tag})
    assert (again.status_code, again.json()["code"]) == (412, "stale")
    missing = await world.operator.patch(
        f"/v1/departments/{new_uscc()}", new, headers={"If-Match": '"1"'}
    )
    assert missing.status_code == 404


async def test_of_two_changes_of_one_revision_one_wins(world: World) -> None:
    path = "/v1/departments/" + (await world.department()).uscc
    answers = await asyncio.gather(
        *(
            world.operator.patch(path, {"name": unique("厅")}, headers={"If-Match": '"1"'})
            for _ in range(10)
        )
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] + [412] * 9


async def test_standing_consent_is_the_own_heads(world: World) -> None:
    one, two = await asyncio.gather(world.department(), world.department())
    path = f"/v1/departments/{one.uscc}/standing-consent"
    for caller, code in ((one.clerk, "role_required"), (two.head, "not_your_department")):
        assert await _refused(caller, "PUT", path, {"enabled": True}) == code
    for enabled in (True, True, False):
        told = await one.head.ask("PUT", path, {"enabled": enabled})
        assert told["standing_consent"] is enabled
    stale = await one.head.put(path, {"enabled": True}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


async def test_departments_are_found_by_words_region_and_page(world: World) -> None:
    mark = unique()
    for number in range(3):
        await world.operator.ask(
            "POST", "/v1/departments", _department(name=f"{mark}水利_{number}%厅")
        )
    found = await world.clerk.ask("GET", f"/v1/departments?q={mark}水利&region_code=450000")
    assert len(found["items"]) == 3
    assert not (await world.clerk.ask("GET", f"/v1/departments?q={mark}水_利"))["items"]
    page = await world.clerk.ask("GET", f"/v1/departments?q={mark}&limit=2")
    rest = await world.clerk.ask(
        "GET", f"/v1/departments?q={mark}&limit=2&cursor={page['next_cursor']}"
    )
    codes = [item["uscc"] for item in page["items"] + rest["items"]]
    assert codes == sorted(set(codes))
    assert len(codes) == 3
    assert rest["next_cursor"] is None


async def test_nobody_is_registered_with_two_separated_roles(world: World) -> None:
    department = (await world.department()).uscc
    body = _person(department, roles=["operator", "auditor"])
    answer = await world.security.post("/v1/people", body)
    assert _errors(answer) == {("roles", "incompatible_roles")}
    made = await world.security.ask("POST", "/v1/people", _person(department, roles=["operator"]))
    widened = await world.security.patch(
        f"/v1/people/{made['id']}", {"roles": ["operator", "security"]}, headers={"If-Match": '"1"'}
    )
    assert _errors(widened) == {("roles", "incompatible_roles")}


async def test_a_person_needs_a_department_and_a_fair_password(world: World) -> None:
    answer = await world.security.post("/v1/people", _person(new_uscc(), password="short"))
    assert _errors(answer) == {("department", "not_in_code_list"), ("password", "too_short")}
    department = (await world.department()).uscc
    body = _person(department, username="wei.guifang.01", password="Wei.GuiFang.01")
    assert _errors(await world.security.post("/v1/people", body)) == {("password", "pattern")}
    body = _person(department, roles=["king"])
    assert _errors(await world.security.post("/v1/people", body)) == {
        ("roles[0]", "not_in_code_list")
    }


async def test_people_are_securitys(world: World) -> None:
    body = _person((await world.department()).uscc)
    made = await world.security.post("/v1/people", body)
    assert made.status_code == 201
    assert "password" not in made.text
    assert (await world.security.post("/v1/people", body)).status_code == 409
    path = f"/v1/people/{made.json()['id']}"
    for other in (world.operator, world.auditor, world.head):
        assert await _refused(other, "POST", "/v1/people", _person(new_uscc())) == "role_required"
        assert await _refused(other, "GET", "/v1/people") == "role_required"
        assert await _refused(other, "GET", path) == "not_found"
    own = world.person(body)
    assert (await own.ask("GET", path))["username"] == body["username"]
    found = await world.security.ask("GET", f"/v1/people?q={body['username']}&role=clerk")
    assert [person["id"] for person in found["items"]] == [made.json()["id"]]


async def test_one_does_not_suspend_oneself(world: World) -> None:
    me = (await world.security.ask("GET", "/v1/me"))["id"]
    path = f"/v1/people/{me}"
    tag = (await world.security.get(path)).headers["ETag"]
    answer = await world.security.patch(path, {"status": "suspended"}, headers={"If-Match": tag})
    assert answer.status_code == 409


async def _everywhere(base_url: str, token: str, status: int, code: str) -> None:
    """Every worker comes to answer so, and nothing else."""

    async def everywhere() -> bool:
        said = await answers_of_workers(base_url, token)
        return list(said.values()) == [{(status, code)}] * 2

    await eventually(everywhere, within_seconds=WITHIN)


async def _suspended(world: World, person_id: str) -> None:
    path = f"/v1/people/{person_id}"
    tag = (await world.security.get(path)).headers["ETag"]
    answer = await world.security.patch(path, {"status": "suspended"}, headers={"If-Match": tag})
    assert answer.status_code == 200


async def test_a_suspended_person_is_out_everywhere_within_a_second(world: World) -> None:
    body = _person((await world.department()).uscc)
    made = await world.security.ask("POST", "/v1/people", body)
    tokens = await staff_tokens(world.base_url, str(body["username"]), str(body["password"]))
    await _everywhere(world.base_url, tokens["access_token"], 200, "")
    await _suspended(world, made["id"])
    await _everywhere(world.base_url, tokens["access_token"], 401, "token_revoked")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
        "client_id": "shuyuan-cli",
    }
    refused = await world.http.post("/oauth/token", data=form)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_a_new_password_ends_every_session_but_ones_own(world: World) -> None:
    body = _person((await world.department()).uscc)
    await world.security.ask("POST", "/v1/people", body)
    name, old = str(body["username"]), str(body["password"])
    own, other = await asyncio.gather(*(sign_in(world.base_url, name, old) for _ in range(2)))
    change = {"old_password": old, "new_password": " another horse "}
    wrong = {**change, "old_password": "not this one"}
    answer = await world.http.post("/v1/me/password", json=wrong, headers=bearer(own))
    assert _errors(answer) == {("old_password", "mismatch")}
    short = {**change, "new_password": "short"}
    answer = await world.http.post("/v1/me/password", json=short, headers=bearer(own))
    assert _errors(answer) == {("new_password", "too_short")}
    answer = await world.http.post("/v1/me/password", json=change, headers=bearer(own))
    assert answer.status_code == 204
    await _everywhere(world.base_url, other, 401, "token_revoked")
    await _everywhere(world.base_url, own, 200, "")
    assert await sign_in(world.base_url, name, change["new_password"])


async def test_a_client_cannot_have_a_password(world: World) -> None:
    app = await _registered(world, (await world.department()).head)
    token = await client_token(world.base_url, app["client_id"], app["client_secret"])
    body = {"old_password": "correct horse", "new_password": "another horse"}
    answer = await world.http.post("/v1/me/password", json=body, headers=bearer(token))
    assert answer.status_code == 403


async def _registered(world: World, head: Caller) -> dict[str, Any]:
    department = (await head.ask("GET", "/v1/me"))["department"]
    scopes = ["records:read", "catalog:read", "admin"]
    made: dict[str, Any] = await head.ask("POST", "/v1/clients", _client(department, scopes=scopes))
    return made


async def test_the_secret_is_shown_once(world: World) -> None:
    department = await world.department()
    headers = {"Idempotency-Key": unique()}
    body = _client(department.uscc)
    made = await department.head.post("/v1/clients", body, headers=headers)
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    again = await department.head.post("/v1/clients", body, headers=headers)
    assert again.json() == made.json() | {"client_secret": None}
    client_id = made.json()["client_id"]
    shown = await department.head.get(f"/v1/clients/{client_id}")
    assert "client_secret" not in shown.json()
    assert await client_token(world.base_url, client_id, made.json()["client_secret"])


async def test_another_departments_clients_are_not_to_be_known_of(world: World) -> None:
    one, two = await asyncio.gather(world.department(), world.department())
    made = await _registered(world, one.head)
    path = f"/v1/clients/{made['client_id']}"
    for action in ("rotate", "suspend", "resume"):
        assert await _refused(two.head, "POST", f"{path}/{action}") == "not_found"
        assert await _refused(one.clerk, "POST", f"{path}/{action}") == "role_required"
    assert await _refused(two.head, "GET", path) == "not_found"
    body = _client(one.uscc)
    assert await _refused(two.head, "POST", "/v1/clients", body) == "not_your_department"
    assert await _refused(one.clerk, "POST", "/v1/clients", body) == "role_required"
    for caller, department, seen in (
        (one.clerk, "", True),
        (two.head, "", False),
        (two.head, one.uscc, False),
        (world.security, one.uscc, True),
    ):
        query = f"?department={department}" if department else ""
        listed = await caller.ask("GET", f"/v1/clients{query}")
        ids = {client["client_id"] for client in listed["items"]}
        assert (made["client_id"] in ids) is seen


async def test_a_client_has_a_department_and_only_the_keys_of_its_method(world: World) -> None:
    answer = await world.security.post("/v1/clients", _client(new_uscc()))
    assert _errors(answer) == {("department", "not_in_code_list")}
    department = (await world.department()).uscc
    for changed, error in (
        ({"scopes": []}, ("scopes", "too_short")),
        ({"scopes": ["root"]}, ("scopes[0]", "not_in_code_list")),
        ({"jwks": {"keys": []}}, ("jwks", "unknown_item")),
        ({"auth_method": "private_key_jwt"}, ("jwks", "missing")),
        ({"auth_method": "none"}, ("auth_method", "not_in_code_list")),
    ):
        answer = await world.security.post("/v1/clients", _client(department, **changed))
        assert _errors(answer) == {error}


async def test_a_rotated_secret_ends_at_once(world: World) -> None:
    department = await world.department()
    made = await _registered(world, department.head)
    path = f"/v1/clients/{made['client_id']}/rotate"
    rotated = await department.head.ask("POST", path)
    auth = (made["client_id"], made["client_secret"])
    form = {"grant_type": "client_credentials"}
    assert (await world.http.post("/oauth/token", data=form, auth=auth)).status_code == 401
    assert await client_token(world.base_url, made["client_id"], rotated["client_secret"])


async def test_after_fifty_rotations_at_once_one_secret_works(world: World) -> None:
    department = await world.department()
    made = await _registered(world, department.head)
    path = f"/v1/clients/{made['client_id']}"
    answers = await asyncio.gather(*(department.head.post(f"{path}/rotate") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    secrets = {answer.json()["client_secret"] for answer in answers}
    assert len(secrets) == 50
    form = {"grant_type": "client_credentials"}
    tried = await asyncio.gather(
        *(
            world.http.post("/oauth/token", data=form, auth=(made["client_id"], secret))
            for secret in secrets
        )
    )
    # After ten wrong ones from one address the others are slowed down.
    codes = [answer.status_code for answer in tried]
    assert codes.count(200) == 1
    assert set(codes) <= {200, 401, 429}
    assert (await department.head.get(path)).headers["ETag"] == '"51"'


async def test_a_suspended_client_is_out_everywhere_within_a_second(world: World) -> None:
    department = await world.department()
    made = await _registered(world, department.head)
    client_id, secret = made["client_id"], made["client_secret"]
    token = await client_token(world.base_url, client_id, secret)
    await _everywhere(world.base_url, token, 200, "")
    path = f"/v1/clients/{client_id}"
    suspended = await department.head.ask("POST", f"{path}/suspend", {"reason": "密钥泄露"})
    assert suspended["status"] == "suspended"
    await _everywhere(world.base_url, token, 401, "token_revoked")
    again = await department.head.post(f"{path}/suspend")
    assert again.status_code == 409
    told = again.json()
    assert (told["code"], told["state"]) == ("illegal_transition", "suspended")
    assert set(told["allowed"]) == {"rotate", "resume"}
    form = {"grant_type": "client_credentials"}
    refused = await world.http.post("/oauth/token", data=form, auth=(client_id, secret))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    await department.head.ask("POST", f"{path}/resume")

    async def works() -> bool:
        fresh = await client_token(world.base_url, client_id, secret)
        answer = await world.http.get("/v1/me", headers=bearer(fresh))
        return answer.status_code == 200

    await eventually(works)
    await _everywhere(world.base_url, token, 401, "token_revoked")


async def test_scopes_taken_from_a_client_are_taken_from_its_tokens(world: World) -> None:
    department = await world.department()
    made = await _registered(world, department.head)
    token = await client_token(world.base_url, made["client_id"], made["client_secret"])
    path = f"/v1/clients/{made['client_id']}"
    changed = await department.head.patch(
        path, {"scopes": ["records:read"]}, headers={"If-Match": '"1"'}
    )
    assert changed.json()["scopes"] == ["records:read"]

    async def lacks_it() -> bool:
        answer = await world.http.get("/v1/departments", headers=bearer(token))
        return (answer.status_code, answer.json().get("code")) == (403, "insufficient_scope")

    await eventually(lacks_it, within_seconds=WITHIN)


async def test_a_scope_that_was_not_asked_for_is_missing(world: World) -> None:
    department = await world.department()
    await department.head.token()
    narrow = world.person(
        {"username": department.head.username, "password": department.head.password},
        "catalog:read",
    )
    body = _client(department.uscc)
    assert await _refused(narrow, "POST", "/v1/clients", body) == "insufficient_scope"


async def test_who_is_calling_is_told(world: World) -> None:
    department = await world.department()
    me = await department.head.ask("GET", "/v1/me")
    assert (me["kind"], me["department"], me["roles"]) == ("person", department.uscc, ["head"])
    made = await _registered(world, department.head)
    token = await client_token(
        world.base_url, made["client_id"], made["client_secret"], "records:read"
    )
    told = (await world.http.get("/v1/me", headers=bearer(token))).json()
    assert told == {
        "kind": "client",
        "id": made["client_id"],
        "name": made["name"],
        "department": department.uscc,
        "department_name": department.name,
        "roles": [],
        "scopes": ["records:read"],
    }


async def test_every_act_is_in_the_audit_log(world: World) -> None:
    department = await world.department()
    made = await _registered(world, department.head)
    await department.head.ask("POST", f"/v1/clients/{made['client_id']}/suspend")
    answer = await world.auditor.get("/v1/audit", params={"thing": made["client_id"]})
    assert answer.status_code == 200, answer.text
    assert {"client.registered", "client.suspended"} <= {
        row["event"] for row in answer.json()["items"]
    }
    assert made["client_secret"] not in answer.text


async def test_departments_are_offered_by_name_without_reading_all(
    world: World, database: Database
) -> None:
    """Each form read ten thousand departments to offer the first five hundred."""
    for region in ("450103", "450100", "450300"):
        await world.department(region)
    async with database.reading() as session:
        named = sorted(await directory.active(session), key=lambda each: (each.name, each.uscc))
        assert await directory.by_name(session, 3, region_code=None, but=named[1].uscc) == [
            named[0],
            *named[2:4],
        ]
        city = [each for each in named if covers("450100", each.region_code)]
        assert len(city) >= 2
        assert await directory.by_name(session, 10_000, region_code="450100", but="") == city
