"""《政务数据共享条例》第十二条至第十九条 (Order 809), article by article, over HTTP.

What a department and its authority live through from the first draft of an entry to the data that
nobody collects twice. docs/regulation.md tells which tests enforce the articles in detail.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from kernel import clock
from kernel.workdays import add_working_days, local_date
from tests.support.eventually import eventually
from tests.support.world import Department, World, unique

Json = dict[str, Any]
SIGNED = {"leader_name": "黄某", "signed_on": "2026-01-06"}
# What Art 13 asks an entry to state, by the field of the contract that states it.
REQUIRED: Mapping[str, str] = {
    "目录名称": "name",
    "数据项": "items",
    "数据格式": "format",
    "更新频率": "update_cycle",
    "共享属性": "share_type",
    "共享方式": "share_modes",
    "分类": "class_code",
    "分级": "grade",
}


@pytest.fixture(scope="module")
async def office(world: World) -> Department:
    """The department whose entries the story follows."""
    return await world.department()


@pytest.fixture(scope="module")
async def neighbour(world: World) -> Department:
    return await world.department()


async def drafted(world: World, office: Department, **changes: Any) -> Json:  # noqa: ANN401
    entry = {**await world.entry(office, []), **changes}
    made: Json = await office.clerk.ask("POST", "/v1/resources", entry)
    world.adopt(made["id"], office)
    return made


async def refused(answer: Any) -> set[tuple[str, str]]:  # noqa: ANN401 - httpx.Response
    """Return place and code of each fault."""
    assert answer.status_code == 422, answer.text
    return {(each["path"], each["code"]) for each in answer.json()["errors"]}


async def test_article_12_an_entry_is_assessed_and_signed_before_it_is_handed_in(
    world: World, office: Department
) -> None:
    """Both assessments are passed, and the head has signed, before an entry is handed in."""
    failed = {"passed": False, "by": "保密办", "date": "2026-01-05"}
    passed = {**failed, "passed": True}
    made = await drafted(world, office, reviews={"secrecy": failed, "privacy": failed})
    path = f"/v1/resources/{made['id']}"
    answer = await office.head.post(f"{path}/submit", SIGNED)
    assert {path for path, _code in await refused(answer)} == {
        "reviews.secrecy.passed",
        "reviews.privacy.passed",
    }
    shown = await office.clerk.ask("GET", path)
    entry = await world.entry(office, [])
    entry |= {"name": shown["name"], "reviews": {"secrecy": passed, "privacy": passed}}
    revision = {"If-Match": f'"{shown["revision"]}"'}
    await office.clerk.ask("PUT", path, entry, headers=revision)
    assert (await office.clerk.post(f"{path}/submit", SIGNED)).status_code == 403
    assert ("leader_name", "missing") in await refused(await office.head.post(f"{path}/submit", {}))
    submitted = await office.head.ask("POST", f"{path}/submit", SIGNED)
    assert (submitted["status"], submitted["leader_name"]) == ("submitted", "黄某")


async def test_article_13_an_entry_states_what_the_regulation_asks_for(
    world: World, office: Department
) -> None:
    """Each field of the article is asked for; the platform itself says who provides."""
    entry = await world.entry(office, [])
    for field in REQUIRED.values():
        left_out = {name: value for name, value in entry.items() if name != field}
        answer = await office.clerk.post("/v1/resources", left_out)
        assert (field, "missing") in await refused(answer), field
    conditional = {**entry, "share_type": "conditional"}
    found = await refused(await office.clerk.post("/v1/resources", conditional))
    assert ("share_conditions", "missing") in found
    made = await office.clerk.ask("POST", "/v1/resources", entry)
    assert (made["department"], made["department_name"]) == (office.uscc, office.name)
    assert made["resource_code"].startswith("101001/")


async def test_article_14_only_a_law_forbids_to_share(world: World, office: Department) -> None:
    """A law, administrative regulation or State Council decision, by name and article."""
    entry = {**await world.entry(office, []), "share_type": "none", "share_modes": []}
    for basis, code in (
        (None, "missing"),
        ("本部门认为不宜共享", "pattern"),
        ("《广西壮族自治区某某条例》第八条", "pattern"),
        ("《某某部门规章实施细则》第三条", "pattern"),
    ):
        answer = await office.clerk.post("/v1/resources", {**entry, "legal_basis": basis})
        assert ("legal_basis", code) in await refused(answer), basis
    lawful = {**entry, "legal_basis": "《中华人民共和国统计法》第二十五条"}
    assert (await office.clerk.ask("POST", "/v1/resources", lawful))["share_type"] == "none"


async def test_article_15_conditions_stand_in_the_catalogue_and_nowhere_else(
    world: World, office: Department, neighbour: Department
) -> None:
    """None on unconditional data; scope and purposes of the others; changed by a version only."""
    entry = await world.entry(office, [])
    added = {"share_conditions": "须经本部门批准", "share_scope": "本市", "share_purposes": "核验"}
    found = await refused(await office.clerk.post("/v1/resources", entry | added))
    assert found == {(path, "not_allowed") for path in added}
    conditional = entry | added | {"share_type": "conditional"}
    resource = await world.resource(
        office, [], **{k: conditional[k] for k in (*added, "share_type")}
    )
    path = f"/v1/resources/{resource}"
    seen = await neighbour.clerk.ask("GET", path)
    assert {name: seen[name] for name in added} == added
    changed = {**conditional, "name": seen["name"], "share_conditions": "另加一条"}
    tag = {"If-Match": f'"{seen["revision"]}"'}
    answer = await office.clerk.put(path, changed, headers=tag)
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    assert "revise" in answer.json()["allowed"]


async def test_article_16_the_authority_of_the_level_reviews_and_everybody_is_told(
    world: World, neighbour: Department
) -> None:
    """Nobody else knows of an entry, or reviews it, before its own authority has published it."""
    authority = await world.department("450100", authority=True)
    elsewhere = await world.department("450200", authority=True)
    bureau = await world.department("450100")
    made = await drafted(world, bureau)
    path = f"/v1/resources/{made['id']}"
    await bureau.head.ask("POST", f"{path}/submit", SIGNED)
    assert (await neighbour.clerk.get(path)).status_code == 404
    assert (await elsewhere.authority.post(f"{path}/approve")).status_code in (403, 404)
    returned = await authority.authority.ask("POST", f"{path}/return", {"reason": "摘要不清"})
    assert (returned["status"], returned["return_reason"]) == ("draft", "摘要不清")
    await bureau.head.ask("POST", f"{path}/submit", SIGNED)
    await authority.authority.ask("POST", f"{path}/approve")
    published = await authority.authority.ask("POST", f"{path}/publish")
    assert published["status"] == "published"
    assert (await neighbour.clerk.ask("GET", path))["name"] == made["name"]
    found = await neighbour.clerk.ask("GET", f"/v1/resources?q={made['name']}")
    assert [each["id"] for each in found["items"]] == [made["id"]]


async def test_article_17_a_change_is_followed_in_ten_working_days_and_reviewed_in_two(
    world: World, office: Department
) -> None:
    """C1 with five more days by consent, C2 for the authority; both end with the publication."""
    resource = await world.resource(office)
    path, today = f"/v1/resources/{resource}", local_date(clock.now())
    noticed = {"occurred_on": today.isoformat(), "cause": "机构职责调整"}
    given = await office.head.ask("POST", f"{path}/change-notice", noticed)
    assert given["update_due_on"] == add_working_days(today, 10).isoformat()
    await office.head.ask("POST", f"{path}/change-notice/extend", {"reason": "涉及多个处室"})
    more = await world.authority.ask("POST", f"{path}/change-notice/consent")
    assert more["update_due_on"] == add_working_days(today, 15).isoformat()
    assert (
        await office.head.post(f"{path}/change-notice/extend", {"reason": "再延"})
    ).status_code == 409
    await office.clerk.ask("POST", f"{path}/revise")
    submitted = await office.head.ask("POST", f"{path}/submit", SIGNED)
    assert submitted["review_due_on"] == add_working_days(today, 2).isoformat()
    await world.authority.ask("POST", f"{path}/approve")
    await world.authority.ask("POST", f"{path}/publish")
    shown = await office.clerk.ask("GET", path)
    assert (shown["version"], shown["update_due_on"], shown["review_due_on"]) == (2, None, None)


async def test_article_18_quality_is_kept_from_collection_on(
    world: World, office: Department
) -> None:
    """What breaks the contract is not taken; declared rules and timeliness are open to all."""
    resource, client = await world.resource(office), await world.client(office)
    faulty = [{"id": "1", "name": "甲"}, {"id": "2"}]
    answer = await client.try_publish(resource, faulty)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["index"], error["path"], error["code"]) == (1, "name", "missing")
    await client.publish(resource, faulty[:1])
    path = f"/v1/resources/{resource}"
    rule = {
        "id": "amount",
        "dimension": "完整",
        "kind": "complete",
        "items": ["amount"],
        "threshold": 0.9,
    }
    kept = await office.clerk.ask("PUT", f"{path}/quality-rules", [rule])
    assert [each["id"] for each in kept["rules"]] == ["amount"]
    told = await office.clerk.ask("GET", f"{path}/quality")
    assert {each["id"] for each in told["rules"]} >= {"amount"}

    async def timely() -> bool:
        return (await office.clerk.ask("GET", path))["timely"] is True

    await eventually(timely, within_seconds=20)


async def test_article_19_one_department_is_the_source_and_nobody_collects_twice(
    world: World, office: Department, neighbour: Department
) -> None:
    """The authority designates one of two; under another element it is the same datum still."""
    mark = unique("渔业")
    element = await world.element(name=f"{mark}登记号码")
    first = await world.source(office, element, designate=False)
    second = await world.source(neighbour, element, designate=False)
    contested = await office.head.ask("GET", f"/v1/sources?element={element}")
    assert sorted(each["status"] for each in contested["items"]) == ["claimed", "contested"]
    await world.authority.ask("POST", f"/v1/sources/{first}/designate")
    answer = await world.authority.post(f"/v1/sources/{second}/designate")
    assert answer.status_code == 409
    own = {"name": "no", "element": element, "role": "source"}
    key = {"name": "id", "key": True, "max_length": 18}
    published = await world.resource(office, [key, own])
    claimed = await world.resource(neighbour, [key, own], publish=False)
    claim = await neighbour.head.post(f"/v1/resources/{claimed}/submit", SIGNED)
    assert ("items[1].role", "not_the_source") in await refused(claim)
    twin = await world.element(name=f"{mark}登记编号")
    await world.source(neighbour, twin)
    again = await world.resource(
        neighbour, [key, {**own, "element": twin}], publish=False, name=unique(f"{mark}名录")
    )
    copied = await neighbour.head.post(f"/v1/resources/{again}/submit", SIGNED)
    assert ("duplicates", "duplicate_unexplained") in await refused(copied)
    assert copied.json()["errors"][0]["allowed"] == [published]
    items = await world.items(key, own)
    items[1] |= {"role": "reference", "refers_to": published}
    made = await drafted(world, neighbour, items=items)
    submitted = await neighbour.head.ask("POST", f"/v1/resources/{made['id']}/submit", SIGNED)
    assert submitted["status"] == "submitted"
