"""The catalogue as trees, over HTTP."""

import asyncio
from typing import Any

from tests.support.world import World

Json = dict[str, Any]


async def test_an_entry_is_counted_in_its_class_its_division_and_its_department(
    world: World,
) -> None:
    """There was no tree of departments: who looked for one had to know its code."""
    one, silent = await asyncio.gather(world.department("451400"), world.department("451400"))
    await asyncio.gather(world.resource(one), world.resource(one, publish=False))

    async def below(of: str, parent: str) -> dict[str, Json]:
        params = {"of": of, "parent": parent}
        told: Json = await silent.clerk.ask("GET", "/v1/catalogue/tree", params=params)
        assert told["complete"]
        return {each["code"]: each for each in told["items"]}

    departments = await below("department", "451400")
    assert departments[one.uscc] == {
        "kind": "department", "code": one.uscc, "name": one.name, "resources": 1,
        "has_below": False,
    }  # fmt: skip
    assert departments[silent.uscc]["resources"] == 0
    chongzuo = (await below("department", "450000"))["451400"]
    assert (chongzuo["kind"], chongzuo["name"], chongzuo["has_below"]) == ("region", "崇左市", True)
    assert chongzuo["resources"] >= 1
    assert (await below("region", "450000"))["451400"]["resources"] >= 1
    classes = (await silent.clerk.ask("GET", "/v1/catalogue/tree", params={"of": "class"}))["items"]
    assert sum(each["resources"] for each in classes) >= 1


async def test_a_tree_of_nothing_is_refused_or_empty(world: World) -> None:
    clerk = (await world.department()).clerk
    unknown = await clerk.get("/v1/catalogue/tree", params={"of": "region", "parent": "459999"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    for params in ({}, {"of": "street"}, {"of": "class", "parent": "%"}):
        refused = await clerk.get("/v1/catalogue/tree", params=params)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_parameter")
    none = await clerk.ask("GET", "/v1/catalogue/tree", params={"of": "class", "parent": "999"})
    assert none["items"] == []
