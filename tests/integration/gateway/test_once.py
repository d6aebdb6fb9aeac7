"""The same Idempotency-Key and body give the same answer, and make one thing (P5)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from kernel.database import Database
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from tests.support.callers import Caller
from tests.support.problems import problem
from tests.support.world import Department, World, unique

Json = dict[str, Any]
TRIES = 20


def keyed(key: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key}}


async def creations(world: World, department: Department) -> dict[str, tuple[Caller, str, Json]]:
    """Return one creation of every kind that needs no more than a world."""
    code = unique("DE-")
    standard = await world.standard()
    element = {
        "code": code, "name": "数据元", "definition": "测试", "data_type": "string",
        "standard": standard, "sensitivity": 1, "personal": False,
    }  # fmt: skip
    code_list = await world.code_list("1")
    edition = {
        "edition": "2", "effective_from": "2030-01-01", "items": [{"value": "2", "name": "二"}],
    }  # fmt: skip
    claim = {"region_code": "450000", "legal_basis": "条例"}
    client = {"name": unique("系统"), "department": department.uscc, "scopes": ["catalog:read"]}
    person = {
        "username": unique("u"), "name": "韦某", "department": department.uscc,
        "roles": ["clerk"], "password": "correct horse battery",
    }  # fmt: skip
    claimed = await world.element()
    resource = await world.entry(department, ())
    return {
        "standard": (world.authority, "/v1/standards", {"code": unique("GB "), "title": "标准"}),
        "code list": (
            world.authority,
            "/v1/code-lists",
            {"code": unique("CL-"), "name": "代码集", "standard": standard},
        ),
        "edition": (world.authority, f"/v1/code-lists/{code_list}/editions", edition),
        "element": (world.authority, "/v1/elements", element),
        "source": (department.head, f"/v1/elements/{claimed}/sources", claim),
        "client": (department.head, "/v1/clients", client),
        "person": (world.security, "/v1/people", person),
        "resource": (department.clerk, "/v1/resources", resource),
    }


KINDS = (
    "standard", "code list", "edition", "element", "source", "client", "person", "resource",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_a_retry_is_answered_as_the_first_try(
    world: World, department: Department, kind: str
) -> None:
    """The replay once lacked the ETag of the first answer and could be stored by caches."""
    who, path, body = (await creations(world, department))[kind]
    key = unique()
    first = await who.post(path, body, **keyed(key))
    again = await who.post(path, body, **keyed(key))
    assert first.status_code == again.status_code == 201, first.text
    kept = {"client_secret": None} if kind == "client" else {}
    assert again.json() == first.json() | kept
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers.get("etag") == first.headers.get("etag")
    assert again.headers["cache-control"] == "no-store"
    assert again.headers["content-type"] == first.headers["content-type"]


@pytest.mark.parametrize("kind", KINDS)
async def test_twenty_tries_at_once_make_one_thing(
    world: World, department: Department, kind: str
) -> None:
    who, path, body = (await creations(world, department))[kind]
    key = unique()
    await who.token()
    answers = await asyncio.gather(*(who.post(path, body, **keyed(key)) for _ in range(TRIES)))
    assert {answer.status_code for answer in answers} == {201}, [a.text for a in answers]
    # Its secret is in the one first answer only.
    shown = [answer.json() | {"client_secret": None} for answer in answers]
    assert all(each == shown[0] for each in shown)
    replayed = [answer for answer in answers if "idempotency-replayed" in answer.headers]
    assert len(replayed) == TRIES - 1


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_key_twenty_tries_make_one_thing_where_it_has_a_name(
    world: World, department: Department, kind: str
) -> None:
    who, path, body = (await creations(world, department))[kind]
    await who.token()
    answers = await asyncio.gather(*(who.post(path, body) for _ in range(TRIES)))
    made = [answer for answer in answers if answer.status_code == 201]
    if kind in ("client", "resource", "source"):
        # These have no name of their own; a second claim is contested, not refused.
        assert made
        return
    assert len(made) == 1, [answer.text for answer in answers]
    for answer in answers:
        if answer not in made:
            problem(answer, 409, "conflict")


async def test_another_body_under_the_same_key_is_refused(world: World) -> None:
    key, body = unique(), {"code": unique("GB "), "title": "标准"}
    await world.authority.ask("POST", "/v1/standards", body, **keyed(key))
    for path, other in (
        ("/v1/standards", {**body, "title": "另一标准"}),
        ("/v1/elements", body),
    ):
        answer = await world.authority.post(path, other, **keyed(key))
        problem(answer, 422, "idempotency_key_reused", "validation_failed")
    said = problem(
        await world.authority.post("/v1/standards", {**body, "code": "x"}, **keyed(key)),
        422,
        "idempotency_key_reused",
    )
    assert said["title"]


async def test_a_key_is_its_callers_own(world: World, department: Department) -> None:
    """The same key and body of another caller make another thing, and show nothing of the first."""
    key = unique()
    other = await world.department()
    made = [
        await each.head.ask(
            "POST",
            "/v1/clients",
            {"name": "同名", "department": each.uscc, "scopes": ["catalog:read"]},
            **keyed(key),
        )
        for each in (department, other)
    ]
    assert made[0]["client_id"] != made[1]["client_id"]
    assert made[0]["client_secret"] != made[1]["client_secret"]


async def test_the_secret_is_shown_once_and_is_not_stored(
    world: World, department: Department, database: Database, settings: dict[str, str]
) -> None:
    """It was kept for seven days, and given to whoever asked again (D9)."""
    key = unique()
    body = {"name": unique(), "department": department.uscc, "scopes": ["catalog:read"]}
    first = await department.head.ask("POST", "/v1/clients", body, **keyed(key))
    again = await department.head.ask("POST", "/v1/clients", body, **keyed(key))
    assert again == first | {"client_secret": None}
    async with database.reading() as session:
        query = text("SELECT body FROM kernel.kept_answer WHERE key = :key").bindparams(key=key)
        stored: bytes = (await session.execute(query)).scalar_one()
    box = Secretbox(Settings(master_key=settings["SHUYUAN_MASTER_KEY"]).master_key_bytes())
    kept = box.decrypt(stored)
    assert first["client_id"].encode() in kept
    assert first["client_secret"].encode() not in kept


async def test_a_refused_try_leaves_the_key_free(world: World, database: Database) -> None:
    """Refused for its form or for a conflict: the corrected request is then the first."""
    key, taken = unique(), {"code": unique("GB "), "title": "标准"}
    await world.authority.ask("POST", "/v1/standards", taken)
    refused = (
        ({"code": taken["code"]}, 422, "validation_failed"),
        (taken, 409, "conflict"),
    )
    for body, status, code in refused:
        answer = await world.authority.post("/v1/standards", body, **keyed(key))
        problem(answer, status, code)
    async with database.reading() as session:
        query = text("SELECT count(*) FROM kernel.kept_answer WHERE key = :key")
        assert (await session.execute(query.bindparams(key=key))).scalar_one() == 0
    fresh = {"code": unique("GB "), "title": "标准"}
    answer = await world.authority.post("/v1/standards", fresh, **keyed(key))
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


@pytest.mark.parametrize("key", ["", "x" * 129, "tab\there", "Ã©"])
async def test_a_bad_key_is_refused(world: World, key: str) -> None:
    body = {"code": unique("GB "), "title": "标准"}
    headers: Any = [(b"Idempotency-Key", key.encode("latin-1"))]
    token = await world.authority.token()
    headers.append((b"Authorization", f"Bearer {token}".encode()))
    answer = await world.http.post("/v1/standards", json=body, headers=headers)
    problem(answer, 400, "invalid_parameter")


CHANGES = {
    "department": ("PATCH", "/v1/departments/{uscc}", {"name": "改名"}),
    "person": ("PATCH", "/v1/people/{person}", {"name": "改名"}),
    "client": ("PATCH", "/v1/clients/{client}", {"name": "改名"}),
}


@pytest.mark.parametrize("kind", CHANGES)
async def test_of_ten_changes_of_one_revision_one_is_made(world: World, kind: str) -> None:
    department = await world.department()
    await world.new_person(department.uscc, "clerk")
    person = await world.security.ask("GET", f"/v1/people?department={department.uscc}")
    client = await world.client(department)
    method, path, body = CHANGES[kind]
    path = path.format(uscc=department.uscc, person=person["items"][0]["id"], client=client.id)
    who = {"department": world.operator, "person": world.security}.get(kind, department.head)
    problem(await who.send(method, path, body), 428, "precondition_required")
    for foreign in ('"0"', "W/x", '"', "", '"8", "9"', '"99999999999999999999"'):
        answer = await who.send(method, path, body, headers={"If-Match": foreign})
        problem(answer, 412, "stale")
    whatever = await who.send(method, path, body, headers={"If-Match": "*"})
    assert whatever.status_code == 200, whatever.text
    read = (await who.get(path)).headers["etag"]
    assert whatever.headers["etag"] == read
    answers = await asyncio.gather(
        *(who.send(method, path, body, headers={"If-Match": read}) for _ in range(10))
    )
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1, [answer.text for answer in answers]
    assert won[0].headers["etag"] != read
    for answer in answers:
        if answer not in won:
            problem(answer, 412, "stale")
