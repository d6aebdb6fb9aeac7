"""Data that nobody shares yet is asked for, assigned, and met (供需对接, Order 809 Art 20)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from kernel.clock import now
from kernel.workdays import local_date
from tests.support.callers import Caller
from tests.support.world import Department, World

Json = dict[str, Any]


@pytest.fixture(scope="module")
async def departments(world: World) -> tuple[Department, Department]:
    """Who asks, and who can supply."""
    asks, supplies = await asyncio.gather(world.department("450100"), world.department())
    return asks, supplies


async def code(who: Caller, path: str, body: Json | None = None) -> tuple[int, str]:
    answer = await who.post(path, body)
    return answer.status_code, answer.json().get("code", "")


async def task(who: Caller, thing: str) -> Json | None:
    """Return which task the thing is for somebody, None where it is none."""
    params = {"limit": "200"}
    while True:
        told = (await who.get("/v1/me/tasks", params=params)).json()
        found = [each for each in told["items"] if each["thing"] == thing]
        if found or told["next_cursor"] is None:
            return next(iter(found), None)
        params["cursor"] = told["next_cursor"]


async def test_a_demand_is_assigned_and_met_by_a_published_resource(
    world: World, departments: tuple[Department, Department]
) -> None:
    asks, supplies = departments
    demand = await world.demand(asks, submit=False, title="低保对象信息")
    path = f"/v1/demands/{demand}"
    assert (await world.authority.get(path)).status_code == 404
    assert (await task(asks.head, demand) or {})["kind"] == "demand.submit"
    assert await code(asks.clerk, f"{path}/submit") == (403, "role_required")
    await asks.head.ask("POST", f"{path}/submit")
    assert (await supplies.head.get(path)).status_code == 404
    waiting = await task(world.authority, demand) or {}
    assert (waiting["kind"], waiting["title"]) == ("demand.assign", "低保对象信息")

    nobody = {"department": "11450000000000000X"}
    assert await code(world.authority, f"{path}/assign", nobody) == (422, "validation_failed")
    to = {"department": supplies.uscc}
    assigned = await world.authority.ask("POST", f"{path}/assign", to)
    assert (assigned["status"], assigned["assigned_department_name"]) == ("assigned", supplies.name)
    assert (await task(supplies.head, demand) or {})["kind"] == "demand.accept"
    await supplies.head.ask("POST", f"{path}/decline", {"reason": "职责不符"})
    shown = await asks.clerk.ask("GET", path)
    assert (shown["status"], shown["declined_reason"], shown["assigned_department"]) == (
        "submitted", "职责不符", None,
    )  # fmt: skip

    await world.authority.ask("POST", f"{path}/assign", to)
    day = local_date(now()) + timedelta(days=30)
    past = {"planned_on": "2020-01-01"}
    assert await code(supplies.head, f"{path}/accept", past) == (422, "validation_failed")
    accepted = await supplies.head.ask("POST", f"{path}/accept", {"planned_on": str(day)})
    assert (accepted["planned_on"], accepted["overdue"]) == (str(day), False)
    due = await task(supplies.head, demand) or {}
    assert (due["kind"], due["due_on"]) == ("demand.meet", str(day))

    draft, resource = await asyncio.gather(
        world.resource(supplies, publish=False), world.resource(supplies)
    )
    unpublished = {"resource_id": draft}
    assert await code(supplies.head, f"{path}/meet", unpublished) == (422, "validation_failed")
    met = await supplies.head.ask("POST", f"{path}/meet", {"resource_id": resource})
    assert (met["status"], met["resource_id"], met["next"]) == ("met", resource, [])
    assert await code(asks.head, f"{path}/close") == (409, "illegal_transition")
    detail = await asks.head.ask("GET", path)
    assert [step["action"] for step in detail["history"]] == [
        "create", "submit", "assign", "decline", "assign", "accept", "meet",
    ]  # fmt: skip
    told = await supplies.clerk.ask("GET", "/v1/events?types=demand.assigned,demand.met&wait=10")
    assert {each["thing"] for each in told["items"]} == {demand}


async def test_merged_demands_follow_and_no_circle_is_made(
    world: World, departments: tuple[Department, Department]
) -> None:
    asks, supplies = departments
    other = await world.department("450200")
    first, second, third = await asyncio.gather(*(world.demand(who) for who in (asks, other, asks)))

    async def merge(demand: str, into: str) -> tuple[int, str]:
        return await code(world.authority, f"/v1/demands/{demand}/merge", {"into": into})

    assert await merge(first, first) == (409, "conflict")
    assert await merge(third, second) == (200, "")
    assert await merge(second, first) == (200, "")
    assert await merge(first, second) == (409, "conflict")
    assert await merge(first, third) == (409, "conflict")
    assert (await merge(first, "0" * 32))[0] == 422
    followed = await asks.clerk.ask("GET", f"/v1/demands/{third}")
    assert (followed["merged_into"], followed["followed"]["status"]) == (first, "submitted")
    assert (await other.clerk.get(f"/v1/demands/{first}")).status_code == 404

    await world.authority.ask("POST", f"/v1/demands/{first}/assign", {"department": supplies.uscc})
    resource = {"resource_id": await world.resource(supplies)}
    await supplies.head.ask("POST", f"/v1/demands/{first}/meet", resource)
    for demand, who in ((second, other), (third, asks)):
        shown = await who.clerk.ask("GET", f"/v1/demands/{demand}")
        assert (shown["status"], shown["resource_id"]) == ("met", resource["resource_id"])
        assert shown["history"][-1]["details"]["followed"] == first


async def test_of_two_merges_against_each_other_one_wins(
    world: World, departments: tuple[Department, Department]
) -> None:
    asks, _ = departments
    one, other = await asyncio.gather(world.demand(asks), world.demand(asks))
    answers = await asyncio.gather(
        code(world.authority, f"/v1/demands/{one}/merge", {"into": other}),
        code(world.authority, f"/v1/demands/{other}/merge", {"into": one}),
    )
    assert sorted(status for status, _code in answers) == [200, 409]


async def test_an_authority_handles_demands_of_its_own_division(
    world: World, departments: tuple[Department, Department]
) -> None:
    asks, supplies = departments
    city = await world.department("450200", authority=True)
    regional, local = await asyncio.gather(
        world.demand(asks), world.demand(asks, region_code="450200")
    )
    assert await code(city.authority, f"/v1/demands/{regional}/assign", {"department": "x"}) == (
        404, "not_found",
    )  # fmt: skip
    above = {"department": supplies.uscc}
    assert (await code(city.authority, f"/v1/demands/{local}/assign", above))[0] == 422
    listed = await city.authority.ask("GET", "/v1/demands?role=authority")
    assert local in {each["id"] for each in listed["items"]}
    assert regional not in {each["id"] for each in listed["items"]}
    wrong = {**dict.fromkeys(("title", "description", "basis", "scenario"), "测试")}
    bad = {**wrong, "items": ["甲", "甲"], "region_code": "999999"}
    answer = await asks.clerk.post("/v1/demands", bad)
    assert {error["path"] for error in answer.json()["errors"]} == {"region_code", "items[1]"}
