"""A refusal is kept under its correlation id, and says what would have passed (P10)."""

import asyncio
from typing import Any

import pytest

from kernel.ids import new_id
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.world import ClientApp, Department, World

Json = dict[str, Any]
CORRELATION = "Exchange-Correlation-Id"


async def kept(world: World, correlation: str, who: Any = None) -> Json:  # noqa: ANN401
    """Return the refusal once it was written, as `who` is shown it."""

    async def written() -> bool:
        # Nobody asks under his own name: each 404 is a refusal, too, and a minute has room for 60.
        answer = await world.auditor.get(f"/v1/refusals/{correlation}")
        await asyncio.sleep(0.2)
        return bool(answer.status_code == 200)

    await eventually(written, within_seconds=20)
    told: Json = await (who or world.auditor).ask("GET", f"/v1/refusals/{correlation}")
    return told


@pytest.fixture
async def system(world: World, department: Department) -> ClientApp:
    """Nobody else's: of one caller and code a minute keeps 60, and other tests are refused, too."""
    return await world.client(department)


async def test_a_foreign_pull_is_kept_for_its_own_department(
    world: World, system: ClientApp
) -> None:
    """Refused accesses left nothing (E8)."""
    correlation = new_id()
    path = f"/v1/subscriptions/{new_id()}/records"
    answer = await system.get(path, headers={CORRELATION: correlation})
    problem(answer, 404, "not_found")
    told = await kept(world, correlation, system)
    assert told["client_id"] == system.id
    assert (told["method"], told["path"], told["check"]) == ("GET", path, "thing")
    assert told["source"] == "127.0.0.1"
    assert told["client_name"]
    assert told["department_name"]
    assert told["rule"]
    assert told["remedy"]
    other = await world.client(await world.department())
    problem(await other.get(f"/v1/refusals/{correlation}"), 404, "not_found")
    assert (await kept(world, correlation))["correlation_id"] == correlation


async def test_the_chain_of_checks_names_the_failed_one(world: World) -> None:
    correlation = new_id()
    answer = await world.clerk.get("/v1/audit", headers={CORRELATION: correlation})
    problem(answer, 403, "role_required")
    await kept(world, correlation, world.clerk)
    answer = await world.clerk.post(
        "/v1/me/explain", json={"correlation_id": correlation}, headers={"Accept-Language": "en"}
    )
    outcomes = {check["check"]: check for check in answer.json()["checks"]}
    assert outcomes["scope"]["outcome"] == "passed"
    assert outcomes["role"]["outcome"] == "failed"
    assert outcomes["role"]["facts"] == {"required": ["auditor"]}
    assert "roles" in outcomes["role"]["remedy"]
    assert outcomes["grant"]["outcome"] == "not_reached"


async def test_one_may_ask_about_ones_own_whatever_the_role(world: World) -> None:
    correlation = new_id()
    answer = await world.operator.get("/v1/audit", headers={CORRELATION: correlation})
    problem(answer, 403, "role_required")
    await kept(world, correlation)
    problem(await world.operator.get("/v1/refusals"), 403, "role_required")
    answer = await world.operator.post("/v1/me/explain", json={"correlation_id": correlation})
    assert answer.status_code == 200, answer.text


async def test_what_no_body_may_hold_is_told_as_it_was_asked_for(
    world: World, system: ClientApp
) -> None:
    """One odd path in a list, and nobody of the department could read any of it."""
    correlation = new_id()
    odd = "/v1/subscriptions/%E2%80%AE/records"
    problem(await system.get(odd, headers={CORRELATION: correlation}), 400, "invalid_parameter")
    await kept(world, correlation, system)
    answer = await system.get("/v1/refusals", params={"client_id": system.id})
    assert answer.status_code == 200, answer.text
    assert correlation in {item["correlation_id"] for item in answer.json()["items"]}


async def test_a_list_is_filtered_by_caller_and_code(world: World, system: ClientApp) -> None:
    correlations = [new_id() for _ in range(3)]
    for correlation in correlations:
        path = f"/v1/subscriptions/{new_id()}/records"
        await system.get(path, headers={CORRELATION: correlation})
    await kept(world, correlations[-1], system)
    found, cursor = list[str](), None
    while True:
        params = {"client_id": system.id, "code": "not_found", "limit": 1}
        page = await system.ask(
            "GET", "/v1/refusals", params={**params, **({"cursor": cursor} if cursor else {})}
        )
        found += [item["correlation_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert set(correlations) <= set(found)
    nobody = await system.ask("GET", "/v1/refusals", params={"client_id": new_id()})
    assert nobody["items"] == []


async def test_a_token_of_the_own_department_is_explained(world: World, system: ClientApp) -> None:
    department = await world.department()
    one, other = await world.client(department), await world.client(department)
    answer = await one.post("/v1/me/explain", json={"token": await other.token()})
    checks = {check["check"]: check for check in answer.json()["checks"]}
    assert checks["token"]["outcome"] == "passed"
    assert checks["token"]["facts"]["subject"] == other.id
    assert checks["scope"]["facts"]["scopes"]
    foreign = await one.post("/v1/me/explain", json={"token": await system.token()})
    problem(foreign, 404, "not_found")
    forged = await one.post("/v1/me/explain", json={"token": "x.y.z"})
    assert {check["outcome"] for check in forged.json()["checks"]} == {"failed", "not_reached"}


async def test_neither_or_both_are_no_question(system: ClientApp) -> None:
    for body in ({}, {"token": "x", "correlation_id": "y"}, {"correlation_id": ""}):
        problem(await system.post("/v1/me/explain", json=body), 422, "validation_failed")
    problem(await system.get(f"/v1/refusals/{new_id()}"), 404, "not_found")
