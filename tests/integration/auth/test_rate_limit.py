"""Who may set a client's rate limit, and what is kept of it."""

from typing import Any

import pytest

from tests.support.callers import Caller, ClientApp
from tests.support.world import Department, World


@pytest.fixture(scope="module")
async def department(world: World) -> Department:
    return await world.department()


@pytest.fixture
async def client(world: World, department: Department) -> ClientApp:
    return await world.client(department)


async def patched(who: Caller, client: ClientApp, body: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401
    path = f"/v1/clients/{client.id}"
    revision = (await who.get(path)).headers.get("ETag", '"1"')
    answer = await who.patch(path, body, headers={"If-Match": revision})
    return answer.status_code, answer.json()


async def test_an_operator_sets_a_limit_and_takes_it_back(world: World, client: ClientApp) -> None:
    limit = {"per_second": 500.0, "burst": 900}
    status, changed = await patched(world.operator, client, {"rate_limit": limit})
    assert status == 200
    unset = {"subscription_per_second": None, "subscription_burst": None}
    assert changed["rate_limit"] == limit | unset
    status, changed = await patched(world.operator, client, {"rate_limit": None})
    assert (status, changed["rate_limit"]) == (200, None)


async def test_a_department_cannot_raise_its_own_limit(
    department: Department, client: ClientApp
) -> None:
    status, refusal = await patched(department.head, client, {"rate_limit": {"per_second": 1e5}})
    assert (status, refusal["code"]) == (403, "role_required")
    shown = await department.head.ask("GET", f"/v1/clients/{client.id}")
    assert shown["rate_limit"] is None


async def test_security_sets_no_limit_and_an_operator_no_scopes(
    world: World, client: ClientApp
) -> None:
    status, refusal = await patched(world.security, client, {"rate_limit": {"burst": 1}})
    assert (status, refusal["code"]) == (403, "role_required")
    status, refusal = await patched(world.operator, client, {"scopes": ["catalog:read"]})
    assert (status, refusal["code"]) == (403, "role_required")
    both = {"name": "改名", "rate_limit": {"burst": 1}}
    assert (await patched(world.operator, client, both))[0] == 403


@pytest.mark.parametrize(
    ("limit", "path"),
    [
        ({"per_second": 0}, "rate_limit.per_second"),
        ({"per_second": -1}, "rate_limit.per_second"),
        ({"per_second": 2_000_000}, "rate_limit.per_second"),
        ({"burst": 0}, "rate_limit.burst"),
        ({"subscription_burst": 1.5}, "rate_limit.subscription_burst"),
        ({"per_minute": 5}, "rate_limit.per_minute"),
    ],
)
async def test_a_limit_that_makes_no_sense_is_refused(
    world: World, client: ClientApp, limit: dict[str, float], path: str
) -> None:
    status, refusal = await patched(world.operator, client, {"rate_limit": limit})
    assert (status, refusal["errors"][0]["path"]) == (422, path)


async def test_a_limit_is_in_the_audit(world: World, client: ClientApp) -> None:
    await patched(world.operator, client, {"rate_limit": {"per_second": 0.5, "burst": 7}})
    told = await world.auditor.ask("GET", f"/v1/audit?thing={client.id}&event=client.changed")
    [event] = told["items"]
    assert event["details"]["rate_limit"]["per_second"] == 0.5
    assert event["details"]["rate_limit"]["burst"] == 7
