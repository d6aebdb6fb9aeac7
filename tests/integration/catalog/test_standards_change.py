"""Elements and editions that can be corrected, retired, withdrawn, by who registered them."""

import asyncio

from tests.support.world import World, unique


async def test_words_are_corrected_and_the_rest_is_fixed(world: World) -> None:
    code = await world.element(max_length=10, sensitivity=2)
    path = f"/v1/elements/{code}"
    tag = {"If-Match": (await world.authority.get(path)).headers["etag"]}
    said = {"name": "更正", "examples": ["甲", "乙"], "sensitivity": 3}
    changed = await world.authority.patch(path, said, headers=tag)
    assert (changed.status_code, changed.json()["examples"]) == (200, ["甲", "乙"])
    assert (await world.authority.patch(path, said, headers=tag)).status_code == 412
    assert (await world.authority.patch(path, said)).status_code == 428
    tag = {"If-Match": changed.headers["etag"]}
    for wrong in ({"sensitivity": 1}, {"max_length": 20}, {"data_type": "integer"}):
        refused = await world.authority.patch(path, wrong, headers=tag)
        assert [each["code"] for each in refused.json()["errors"]] == ["fixed"], wrong
    same = await world.authority.patch(path, {"max_length": 10}, headers=tag)
    assert same.status_code == 200
    assert (await world.clerk.patch(path, said, headers=tag)).status_code == 403
    many = {"examples": ["例"] * 11}
    assert (await world.authority.patch(path, many, headers={"If-Match": "*"})).status_code == 422


async def test_a_retired_element_is_bound_to_nothing_new(world: World) -> None:
    office = await world.department()
    items = await world.items({"name": "id", "key": True})
    kept = await world.resource(office, items)
    path = f"/v1/elements/{items[0]['element']}"
    answers = await asyncio.gather(*(world.authority.post(f"{path}/retire") for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409, 409]
    entry = await world.entry(office, items)
    refused = await office.clerk.post("/v1/resources", entry)
    assert "retired" in {each["code"] for each in refused.json()["errors"]}
    await office.clerk.ask("POST", f"/v1/resources/{kept}/revise")
    shown = await office.clerk.get(f"/v1/resources/{kept}")
    body = {**entry, "name": "改名"}
    tag = {"If-Match": shown.headers["etag"]}
    assert (await office.clerk.put(f"/v1/resources/{kept}", body, headers=tag)).status_code == 200
    patched = await world.authority.patch(path, {"name": "x"}, headers={"If-Match": "*"})
    assert patched.json()["code"] == "illegal_transition"


async def test_a_wrong_edition_is_withdrawn_and_the_one_before_holds_again(world: World) -> None:
    code = await world.code_list("1", "2")
    path = f"/v1/code-lists/{code}"
    wrong = {
        "edition": "2", "effective_from": "2024-01-01",
        "items": [
            {"value": "3", "name": "三"},
            {"value": "1", "name": "1", "effective_to": "2023-12-31", "successors": ["3"]},
        ],
    }  # fmt: skip
    await world.authority.ask("POST", f"{path}/editions", wrong)
    earlier = {**wrong, "edition": "0", "effective_from": "2023-01-01"}
    overlaps = await world.authority.post(f"{path}/editions", earlier)
    assert [each["path"] for each in overlaps.json()["errors"]] == ["effective_from"]
    found = await world.clerk.ask("GET", f"{path}/map?from=1&to=2")
    assert found["pairs"] == [
        {"from": "1", "to": ["3"], "kind": "renamed"},
        {"from": "2", "to": [], "kind": "ended"},
    ]
    one = await world.clerk.ask("GET", f"{path}/map?from=1&to=2&value=2")
    assert len(one["pairs"]) == 1
    assert (await world.clerk.get(f"{path}/map?from=2&to=1")).status_code == 400
    assert (await world.clerk.get(f"{path}/map?from=1&to=9")).status_code == 404
    gone = f"{path}/editions/2/withdraw"
    assert (await world.clerk.post(gone, {"reason": "有误"})).status_code == 403
    assert (await world.authority.ask("POST", gone, {"reason": "有误"}))["withdrawn_at"]
    assert (await world.authority.post(gone, {"reason": "有误"})).status_code == 409
    values = (await world.clerk.ask("GET", f"{path}/items"))["items"]
    assert [each["value"] for each in values] == ["1", "2"]
    right = {**wrong, "edition": "2b"}
    await world.authority.ask("POST", f"{path}/editions", right)
    values = (await world.clerk.ask("GET", f"{path}/items"))["items"]
    assert [each["value"] for each in values] == ["3"]


async def test_codes_of_a_city_carry_its_prefix_and_are_its_own(world: World) -> None:
    city, other = await asyncio.gather(
        world.department("450100", authority=True), world.department("450200", authority=True)
    )
    standard = await world.standard()
    body = {
        "code": unique("DE-"), "name": "市级", "definition": "定义", "data_type": "string",
        "standard": standard, "sensitivity": 1, "personal": False,
    }  # fmt: skip
    refused = await city.authority.post("/v1/elements", body)
    assert [each["path"] for each in refused.json()["errors"]] == ["code"]
    body["code"] = unique("450100-")
    await city.authority.ask("POST", "/v1/elements", body)
    path, tag = f"/v1/elements/{body['code']}", {"If-Match": "*"}
    assert (await other.authority.patch(path, {"name": "x"}, headers=tag)).status_code == 403
    assert (await city.authority.patch(path, {"name": "x"}, headers=tag)).status_code == 200
    assert (await world.authority.patch(path, {"name": "y"}, headers=tag)).status_code == 200
    above = await world.element()
    theirs = await city.authority.patch(f"/v1/elements/{above}", {"name": "x"}, headers=tag)
    assert theirs.status_code == 403
    listed = {"code": "CL-1", "name": "x", "standard": standard}
    assert (await city.authority.post("/v1/code-lists", listed)).status_code == 422
    named = await city.authority.post("/v1/standards", {"code": "S", "title": "x"})
    assert named.status_code == 422
