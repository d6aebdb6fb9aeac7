"""Data that others share already are found, and collected again only for a reason (Art 19)."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.world import Department, Refused, World, unique

Json = dict[str, Any]
SIGNED = {"leader_name": "黄某", "signed_on": "2026-01-06"}


@dataclass(frozen=True)
class Registers:
    """Two departments that collect the same data under elements of their own.

    `mark` is in all their names, so that nobody else's are like them.
    """

    mark: str
    one: Department
    two: Department
    published: str
    drafted: str
    elements: tuple[str, ...]


async def own_items(world: World, department: Department, *names: str) -> list[Json]:
    """Items of which the department is the source, with a key that is lent."""
    codes = await asyncio.gather(*(world.element(name=name) for name in names))
    await asyncio.gather(*(world.source(department, code) for code in codes))
    items = [
        {"name": f"f{place}", "label": name, "element": code, "role": "source"}
        for place, (name, code) in enumerate(zip(names, codes, strict=True))
    ]
    return [{"name": "id", "key": True, "max_length": 18}, *items]


@pytest.fixture(scope="module")
async def registers(world: World) -> Registers:
    one, two = await asyncio.gather(world.department(), world.department())
    mark = unique("样")
    theirs = await own_items(world, one, f"{mark}证件编号", f"{mark}颁发机关", f"{mark}发证日期")
    same = await own_items(world, two, f"{mark}证件号码", f"{mark}签发机关名称", f"{mark}签发日期")
    published = await world.resource(one, theirs, name=f"{mark}登记")
    drafted = await world.resource(two, same, publish=False, name=f"{mark}名录")
    elements = tuple(item["element"] for item in theirs[1:])
    return Registers(mark, one, two, published, drafted, elements)


async def test_who_drafts_learns_who_shares_the_data(world: World, registers: Registers) -> None:
    body = {
        "name": "发证台账",
        "items": [{"label": f"{registers.mark}证件号"}, {"label": f"{registers.mark}颁证日期"}],
    }
    found: Json = await registers.two.clerk.ask("POST", "/v1/catalogue/similar", body)
    [resource] = [each for each in found["resources"] if each["id"] == registers.published]
    assert resource["score"] == 1.0
    assert resource["department_name"] == registers.one.name
    assert set(resource["shared"]) <= set(registers.elements)
    assert resource["why"] == "2 项中有 2 项为相同数据"
    by_code = {each["code"]: each for each in found["elements"]}
    assert by_code[registers.elements[0]]["source"]["department"] == registers.one.uscc
    assert by_code[registers.elements[0]]["score"] >= 0.8


async def test_a_reason_is_given_before_the_authority_sees_the_entry(
    world: World, registers: Registers
) -> None:
    """Refused until it is explained; the authority reads why."""
    path = f"/v1/resources/{registers.drafted}"
    found: Json = await registers.two.clerk.ask("GET", f"{path}/similar")
    owed = [each["id"] for each in found["resources"] if each["needs_reason"]]
    assert owed == [registers.published]
    with pytest.raises(Refused) as refusal:
        await registers.two.head.ask("POST", f"{path}/submit", SIGNED)
    [error] = refusal.value.answer.json()["errors"]
    assert (error["code"], error["path"]) == ("duplicate_unexplained", "duplicates")
    assert error["allowed"] == [registers.published]
    reason = "两证适用范围不同"
    await explain(registers, [{"resource_id": registers.published, "reason": reason}])
    await registers.two.head.ask("POST", f"{path}/submit", SIGNED)
    shown: Json = await world.authority.ask("GET", path)
    [told] = shown["duplicates"]
    assert told == {
        "resource_id": registers.published,
        "resource_name": f"{registers.mark}登记",
        "reason": reason,
    }


async def test_an_explanation_is_of_what_is_published(registers: Registers) -> None:
    mine = await registers.one.clerk.ask("GET", f"/v1/resources/{registers.published}")
    body = entry_of(mine) | {
        "name": unique("资源"),
        "duplicates": [
            {"resource_id": "unknown", "reason": "无"},
            {"resource_id": registers.published, "reason": "一"},
            {"resource_id": registers.published, "reason": "二"},
        ],
    }
    refused = await registers.one.clerk.post("/v1/resources", body)
    assert refused.status_code == 422
    told = [(error["path"], error["code"]) for error in refused.json()["errors"]]
    assert told == [
        ("duplicates[0].resource_id", "not_found"),
        ("duplicates[1].resource_id", "duplicate"),
        ("duplicates[2].resource_id", "duplicate"),
    ]


async def test_drafts_of_others_are_not_found(world: World, registers: Registers) -> None:
    """The second department's draft is found by itself alone, not by the first one."""
    other = await world.resource(
        registers.two,
        await own_items(world, registers.two, f"{registers.mark}仓库"),
        publish=False,
    )
    asked = {"name": "仓库", "items": [{"label": f"{registers.mark}仓库"}]}
    for department, expected in ((registers.two, [other]), (registers.one, [])):
        found: Json = await department.clerk.ask("POST", "/v1/catalogue/similar", asked)
        assert [each["id"] for each in found["resources"]] == expected
    hidden = await registers.one.clerk.get(f"/v1/resources/{other}/similar")
    assert hidden.status_code == 404


async def test_a_city_that_collects_what_the_region_shares_says_why(world: World) -> None:
    """The same element has a source in the city and one above; a city's own entry harms nobody."""
    region, city = await asyncio.gather(world.department(), world.department("450100"))
    element = await world.element(name=unique("数据"))
    await asyncio.gather(world.source(region, element), world.source(city, element))
    item = {"name": "value", "element": element, "role": "source"}
    key = {"name": "id", "key": True, "max_length": 18}
    drafted = await world.resource(city, [key, item], publish=False)
    above = await world.resource(region, [key, item])
    refused = await city.head.post(f"/v1/resources/{drafted}/submit", SIGNED)
    assert [error["allowed"] for error in refused.json()["errors"]] == [[above]]


def entry_of(shown: Json) -> Json:
    fields = (
        "name", "abstract", "class_code", "region_code", "format", "update_cycle", "share_type",
        "share_modes", "open_type", "grade", "items", "reviews", "derived_from",
    )  # fmt: skip
    return {name: shown[name] for name in fields}


async def explain(registers: Registers, reasons: list[Json]) -> None:
    path = f"/v1/resources/{registers.drafted}"
    read = await registers.two.clerk.get(path)
    body = entry_of(read.json()) | {"duplicates": reasons}
    answer = await registers.two.clerk.put(path, body, headers={"If-Match": read.headers["ETag"]})
    assert answer.status_code == 200, answer.text
