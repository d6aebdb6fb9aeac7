"""The catalogue as other people's programs meet it (`api.md` section 3), on a live gateway."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.world import Department, World, unique

Json = dict[str, Any]
SIGNED = {"leader_name": "黄某", "signed_on": "2026-01-06"}


@pytest.fixture(scope="module")
async def provider(world: World) -> Department:
    return await world.department()


@pytest.fixture(scope="module")
async def other(world: World) -> Department:
    return await world.department()


async def entry(world: World, provider: Department, **changes: Any) -> Json:  # noqa: ANN401 - any field
    return await world.entry(provider, ()) | changes


async def draft(world: World, provider: Department, **changes: Any) -> Json:  # noqa: ANN401 - any field
    body = await entry(world, provider, **changes)
    made: Json = await provider.clerk.ask("POST", "/v1/resources", body)
    return made


async def test_a_draft_comes_back_as_it_was_sent(world: World, provider: Department) -> None:
    mask = {"kind": "partial", "keep_start": 3, "keep_end": 4}
    items = await world.items({"name": "id", "key": True}, {"name": "name", "mask": mask})
    body = await entry(
        world,
        provider,
        items=items,
        share_type="conditional",
        share_conditions="凭业务需要",
        share_scope=["自治区公安厅", "自治区民政厅"],
        share_purposes="核验身份",
        partitions=3,
    )
    answer = await provider.clerk.post("/v1/resources", body)
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    made = answer.json()
    unnamed = [
        {name: value for name, value in item.items() if name != "element_name"}
        for item in made["items"]
    ]
    assert {name: (made | {"items": unnamed})[name] for name in body} == body | {
        "reviews": {k: v | {"document": None} for k, v in body["reviews"].items()}
    }
    assert (made["status"], made["version"], made["published_version"]) == ("draft", 1, None)
    read = await provider.clerk.get(f"/v1/resources/{made['id']}")
    assert read.json() == made
    assert read.headers["ETag"] == answer.headers["ETag"]


async def test_what_was_read_can_be_written_back(world: World, provider: Department) -> None:
    made = await draft(world, provider)
    sent = await entry(world, provider) | {"name": "改名"}
    body = {name: made[name] for name in sent} | {"name": "改名"}
    path = f"/v1/resources/{made['id']}"
    answer = await provider.clerk.put(path, body, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["name"]) == (200, "改名")
    assert answer.headers["ETag"] == '"2"'


@pytest.mark.parametrize(
    ("if_match", "status", "code"),
    [(None, 428, "precondition_required"), ('"7"', 412, "stale")],
)
async def test_an_edit_names_the_revision_it_has_read(
    world: World, provider: Department, if_match: str | None, status: int, code: str
) -> None:
    made = await draft(world, provider)
    headers = {} if if_match is None else {"If-Match": if_match}
    body = await entry(world, provider)
    answer = await provider.clerk.put(f"/v1/resources/{made['id']}", body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_of_ten_edits_of_one_revision_one_is_taken(
    world: World, provider: Department
) -> None:
    made = await draft(world, provider)
    body, headers = await entry(world, provider), {"If-Match": '"1"'}
    path = f"/v1/resources/{made['id']}"
    answers = await asyncio.gather(
        *(provider.clerk.put(path, body, headers=headers) for _ in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9


BAD: list[tuple[str, Json, str, str]] = [
    ("no name", {"name": ""}, "name", "too_short"),
    ("name of a number", {"name": 5}, "name", "wrong_type"),
    ("NUL", {"name": "a\x00b"}, "name", "pattern"),
    ("half a character", {"abstract": "\ud800"}, "abstract", "pattern"),
    ("2,000 characters", {"name": "桂" * 2_000}, "name", "too_long"),
    ("writing turned round", {"name": "某\u202e表"}, "name", "pattern"),
    ("Arabic's own turn", {"name": "某\u200f表"}, "name", "pattern"),
    ("no room", {"name": "某\u200b表"}, "name", "pattern"),
    ("joined emoji", {"name": "👩\u200d⚕️"}, "name", "pattern"),
    ("a mark of byte order", {"abstract": "\ufeff摘要"}, "abstract", "pattern"),
    ("class", {"class_code": "9"}, "class_code", "pattern"),
    ("Arabic digits", {"class_code": "١٠١٠٠١"}, "class_code", "pattern"),
    ("region", {"region_code": "4500"}, "region_code", "pattern"),
    ("region elsewhere", {"region_code": "440000"}, "region_code", "out_of_range"),
    ("format", {"format": 8}, "format", "out_of_range"),
    ("format as text", {"format": "3"}, "format", "wrong_type"),
    ("cycle", {"update_cycle": "hourly"}, "update_cycle", "not_in_code_list"),
    ("share type", {"share_type": "maybe"}, "share_type", "not_in_code_list"),
    ("no basis", {"share_type": "none"}, "legal_basis", "missing"),
    ("no scope", {"share_type": "conditional"}, "share_scope", "missing"),
    ("mode", {"share_modes": ["fax"]}, "share_modes[0]", "not_in_code_list"),
    ("no mode", {"share_modes": []}, "share_modes", "too_short"),
    ("grade", {"grade": 5}, "grade", "out_of_range"),
    ("grade 0", {"grade": 0}, "grade", "out_of_range"),
    ("partitions", {"partitions": 65}, "partitions", "out_of_range"),
    ("no items", {"items": []}, "items", "too_short"),
    ("no reviews", {"reviews": None}, "reviews", "wrong_type"),
    ("unknown field", {"colour": "red"}, "colour", "unknown_item"),
]


@pytest.mark.parametrize(
    ("changes", "path", "code"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
async def test_a_bad_entry_is_told_where_and_why(
    world: World, provider: Department, changes: Json, path: str, code: str
) -> None:
    body = json.dumps(await entry(world, provider, **changes)).encode()
    headers = {"Content-Type": "application/json"}
    answer = await provider.clerk.post("/v1/resources", content=body, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "validation_failed")
    found = [(error["path"], error["code"]) for error in problem["errors"]]
    assert (path, code) in found


@pytest.mark.parametrize(
    "name", ["🏛️ 政务服务大厅", "دفتر", "𠮷野家㐂𬍛"], ids=["emoji", "Arabic", "rare"]
)
async def test_a_name_of_any_writing_is_kept_and_found_as_it_is(
    world: World, provider: Department, name: str
) -> None:
    """Emoji, letters that run from the right, characters beyond the first plane."""
    mark = unique()
    made = await draft(world, provider, name=f"{name}{mark}")
    shown = await provider.clerk.ask("GET", f"/v1/resources/{made['id']}")
    assert shown["name"] == f"{name}{mark}"
    found = await provider.clerk.ask("GET", "/v1/resources", params={"q": f"{name} {mark}"})
    assert [each["id"] for each in found["items"]] == [made["id"]]


BAD_ITEMS: list[tuple[str, Json, str, str]] = [
    ("name", {"name": "1st"}, "items[0].name", "pattern"),
    ("Chinese name", {"name": "姓名"}, "items[0].name", "pattern"),
    ("long name", {"name": "a" * 65}, "items[0].name", "pattern"),
    ("role", {"role": "owner"}, "items[0].role", "not_in_code_list"),
    ("element", {"element": "DE404"}, "items[0].element", "not_found"),
    ("key", {"required": False}, "items[0].required", "out_of_range"),
    ("no key", {"key": False}, "items", "missing"),
    ("mask", {"mask": {"kind": "blur"}}, "items[0].mask", "not_in_code_list"),
    ("partial mask", {"mask": {"kind": "partial"}}, "items[0].mask.partial.keep_end", "missing"),
    ("key of text", {"key": "yes"}, "items[0].key", "wrong_type"),
]


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [case[1:] for case in BAD_ITEMS],
    ids=[case[0] for case in BAD_ITEMS],
)
async def test_a_bad_item_is_told_where_and_why(
    world: World, provider: Department, changes: Json, path: str, code: str
) -> None:
    [item] = await world.items({"name": "id", "key": True})
    body = await entry(world, provider, items=[item | changes])
    answer = await provider.clerk.post("/v1/resources", body)
    assert answer.status_code == 422
    found = [(error["path"], error["code"]) for error in answer.json()["errors"]]
    assert (path, code) in found


async def test_a_resource_lives_as_the_table_says(world: World, provider: Department) -> None:
    made = await draft(world, provider)
    path = f"/v1/resources/{made['id']}"
    for action in ("approve", "publish"):
        refused = await world.authority.post(f"{path}/{action}")
        assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")
        problem = refused.json()
        assert (problem["state"], problem["allowed"]) == ("draft", ["submit", "discard"])
    submitted = await provider.head.ask("POST", f"{path}/submit", SIGNED)
    assert (submitted["status"], submitted["leader_name"]) == ("submitted", "黄某")
    returned = await world.authority.ask("POST", f"{path}/return", {"reason": "补充依据"})
    assert (returned["status"], returned["return_reason"]) == ("draft", "补充依据")
    await provider.head.ask("POST", f"{path}/submit", SIGNED)
    await world.authority.ask("POST", f"{path}/approve")
    published = await world.authority.ask("POST", f"{path}/publish")
    assert (published["status"], published["published_version"]) == ("published", 1)
    revised = await provider.clerk.ask("POST", f"{path}/revise")
    assert (revised["status"], revised["version"], revised["published_version"]) == ("draft", 2, 1)
    retired = await world.authority.ask("POST", f"{path}/retire", {"reason": "停用"})
    assert (retired["status"], retired["allowed"]) == ("retired", [])
    history = await provider.clerk.ask("GET", f"{path}/history")
    assert [step["action"] for step in history["items"]] == [
        "create", "submit", "return", "submit", "approve", "publish", "revise", "retire",
    ]  # fmt: skip


async def test_who_may_not_is_told_so_and_who_may_not_know_is_told_nothing(
    world: World, provider: Department, other: Department
) -> None:
    made = await draft(world, provider)
    path = f"/v1/resources/{made['id']}"
    for answer in (
        await other.clerk.get(path),
        await other.head.post(f"{path}/submit", SIGNED),
        await other.authority.post(f"{path}/approve"),
        await other.clerk.get("/v1/resources/never"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    wrong_role = await provider.clerk.post(f"{path}/submit", SIGNED)
    assert (wrong_role.status_code, wrong_role.json()["code"]) == (403, "role_required")
    no_clerk = await provider.head.post("/v1/resources", await entry(world, provider))
    assert (no_clerk.status_code, no_clerk.json()["code"]) == (403, "role_required")


async def test_a_retried_creation_makes_one_resource(world: World, provider: Department) -> None:
    body, headers = await entry(world, provider), {"Idempotency-Key": provider.uscc}
    answers = await asyncio.gather(
        *(provider.clerk.post("/v1/resources", body, headers=headers) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    changed = await provider.clerk.post("/v1/resources", body | {"grade": 4}, headers=headers)
    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency_key_reused")


async def test_the_schema_and_the_dry_run_follow_the_contract(
    world: World, provider: Department
) -> None:
    sex = await world.element("code", code_list=await world.code_list("1", "2"))
    items = await world.items({"name": "id", "key": True, "max_length": 5}, {"name": "sex"})
    items[1] |= {"element": sex, "required": True}
    path = f"/v1/resources/{(await draft(world, provider, items=items))['id']}"
    schema = await provider.clerk.get(f"{path}/schema")
    assert schema.headers["Content-Type"] == "application/schema+json"
    assert schema.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema.json()["properties"]["sex"]["enum"] == ["1", "2"]
    records = [{"id": "a", "sex": "1"}, {"id": "toolong", "sex": "3"}, {"id": "b"}]
    found = await provider.clerk.ask("POST", f"{path}/validate", records)
    assert (found["valid"], found["invalid"], found["error_count"]) == (1, 2, 3)
    assert {(e["index"], e["path"], e["code"]) for e in found["errors"]} == {
        (1, "id", "too_long"),
        (1, "sex", "not_in_code_list"),
        (2, "sex", "missing"),
    }
    one = await provider.clerk.ask("POST", f"{path}/validate", {"id": "a", "sex": "1"})
    assert (one["valid"], one["invalid"], one["errors"]) == (1, 0, [])
    broken = await provider.clerk.post(
        f"{path}/validate", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed_json")


async def test_versions_are_kept_and_compared(world: World, provider: Department) -> None:
    resource_id = await world.resource(provider)
    path = f"/v1/resources/{resource_id}"
    revised = await provider.clerk.ask("POST", f"{path}/revise")
    body = {name: revised[name] for name in await entry(world, provider)}
    body |= {"abstract": "新的摘要", "items": body["items"][:-1]}
    headers = {"If-Match": f'"{revised["revision"]}"'}
    await provider.clerk.ask("PUT", path, body, headers=headers)
    await world.publish(resource_id)
    versions = await provider.clerk.ask("GET", f"{path}/versions")
    assert [(v["version"], v["status"]) for v in versions["items"]] == [
        (1, "superseded"),
        (2, "published"),
    ]
    first = await provider.clerk.ask("GET", f"{path}/versions/1")
    assert len(first["items"]) == 3
    diff = await provider.clerk.ask("GET", f"{path}/diff?from=1&to=2")
    assert (diff["from"], diff["to"], diff["compatible"]) == (1, 2, False)
    assert [(c["kind"], c["item"]) for c in diff["changes"]] == [("item_removed", "amount")]
    assert {d["field"] for d in diff["differences"]} == {"abstract", "items"}
    missing = await provider.clerk.get(f"{path}/versions/9")
    assert missing.status_code == 404
    for query in ("from=1", "from=0&to=1", "from=a&to=1", "from=1&to=99999999999999999999"):
        assert (await provider.clerk.get(f"{path}/diff?{query}")).status_code == 400


async def test_the_list_is_searched_filtered_counted_and_paged(
    world: World, provider: Department, other: Department
) -> None:
    word = f"水库{provider.uscc}"
    shared = await world.resource(provider, name=f"{word}水位", class_code="205001")
    hidden = (await draft(world, provider, name=f"{word}草稿", class_code="205002"))["id"]
    found = await other.clerk.ask("GET", "/v1/resources", params={"q": word})
    assert [item["id"] for item in found["items"]] == [shared]
    assert found["facets"]["class"] == {"205001": 1}
    mine = await provider.clerk.ask("GET", "/v1/resources", params={"q": word, "limit": 1})
    assert mine["facets"]["status"] == {"published": 1, "draft": 1}
    rest = {"q": word, "limit": 1, "cursor": mine["next_cursor"]}
    second = await provider.clerk.ask("GET", "/v1/resources", params=rest)
    assert [mine["items"][0]["id"], second["items"][0]["id"]] == [shared, hidden]
    assert second["next_cursor"] is None
    narrowed = {"q": word, "class": "205", "status": "draft", "department": provider.uscc}
    drafts = await provider.clerk.ask("GET", "/v1/resources", params=narrowed)
    assert [item["id"] for item in drafts["items"]] == [hidden]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("status=gone", "invalid_parameter"),
        ("class=abc", "invalid_parameter"),
        ("limit=0", "invalid_parameter"),
        ("limit=201", "invalid_parameter"),
        ("cursor=!", "invalid_cursor"),
        (f"q={'x' * 101}", "invalid_parameter"),
    ],
)
async def test_a_bad_filter_is_a_bad_parameter(world: World, query: str, code: str) -> None:
    answer = await world.clerk.get(f"/v1/resources?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_one_source_over_http(world: World, provider: Department, other: Department) -> None:
    element = await world.element()
    first = await world.source(provider, element, designate=False)
    claim = {"region_code": "450000", "legal_basis": "三定方案"}
    contested = await other.head.ask("POST", f"/v1/elements/{element}/sources", claim)
    assert contested["status"] == "contested"
    again = await other.head.post(f"/v1/elements/{element}/sources", claim)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    designated = await world.authority.ask("POST", f"/v1/sources/{first}/designate")
    assert designated["status"] == "active"
    rival = await world.authority.post(f"/v1/sources/{contested['id']}/designate")
    assert (rival.status_code, rival.json()["code"]) == (409, "conflict")
    await world.authority.ask("POST", f"/v1/sources/{contested['id']}/replace")
    listed = await world.clerk.ask("GET", f"/v1/elements/{element}/sources")
    assert [s["status"] for s in listed["items"]] == ["replaced", "active"]
    resolved = await world.clerk.ask("GET", f"/v1/elements/{element}/source?region_code=450103")
    assert resolved["department"] == other.uscc
    clerk = await provider.clerk.post(f"/v1/elements/{element}/sources", claim)
    assert (clerk.status_code, clerk.json()["code"]) == (403, "role_required")
    missing = await other.head.post("/v1/elements/DE404/sources", claim)
    assert missing.status_code == 404


async def test_codes_with_a_slash_are_read_by_their_path(world: World) -> None:
    standard = await world.standard()
    assert "/" in standard
    read = await world.clerk.ask("GET", f"/v1/standards/{standard.replace('/', '%2F')}")
    assert read["code"] == standard
    code = f"{standard}.1"
    body = {"code": code, "name": "性别", "standard": standard}
    await world.authority.ask("POST", "/v1/code-lists", body)
    items = [{"value": "1", "name": "男"}, {"value": "2", "name": "女"}]
    edition = {"edition": "2003", "effective_from": "2004-04-01", "items": items}
    made = await world.authority.ask("POST", f"/v1/code-lists/{code}/editions", edition)
    assert (made["edition"], made["item_count"]) == ("2003", 2)
    found = await world.clerk.ask("GET", f"/v1/code-lists/{code}/items?on=2010-01-01")
    assert [item["value"] for item in found["items"]] == ["1", "2"]
    before = await world.clerk.ask("GET", f"/v1/code-lists/{code}/items?on=2000-01-01")
    assert before["items"] == []
    shown = await world.clerk.ask("GET", f"/v1/code-lists/{code}")
    assert [e["edition"] for e in shown["editions"]] == ["2003"]


async def test_an_element_comes_back_with_its_bounds_as_numbers(world: World) -> None:
    bounds = {"precision": 10, "scale": 2, "minimum": 0, "maximum": 99.95}
    code = await world.element("decimal", **bounds)
    read = await world.clerk.ask("GET", f"/v1/elements/{code}")
    assert {name: read[name] for name in bounds} == bounds


@pytest.mark.parametrize(
    "bounds",
    [
        {"minimum": "NaN"},
        {"minimum": 1e400},
        {"maximum": 10**60},
        {"pattern": "(a+)+$"},
        {"pattern": "("},
        {"min_length": -1},
        {"min_length": 2**70},
        {"data_type": "code"},
        {"checker": "passport"},
        {"sensitivity": 5},
        {"standard": "GB 404"},
        {"code": "a/b"},
        {"code": ""},
    ],
    ids=str,
)
async def test_a_bad_element_is_refused_and_never_an_error_of_ours(
    world: World, bounds: Json
) -> None:
    body = {
        "code": "DE-BAD",
        "name": "元",
        "definition": "定义",
        "data_type": "string",
        "standard": await world.standard(),
        "sensitivity": 1,
        "personal": False,
    }
    loose = json.dumps({**body, **bounds}).encode()
    headers = {"Content-Type": "application/json"}
    answer = await world.authority.post("/v1/elements", content=loose, headers=headers)
    assert answer.status_code in {400, 422}, answer.text
