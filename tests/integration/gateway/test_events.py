"""`/v1/events` and `/v1/me/tasks` over HTTP."""

import asyncio
from typing import Any

import pytest

from tests.support.callers import Caller
from tests.support.problems import problem
from tests.support.world import World

Json = dict[str, Any]


async def _until(who: Caller, type_: str, after: str = "") -> Json:
    """Ask on until an event of the type comes."""
    async with asyncio.timeout(60):
        while True:
            query = f"?wait=5&types={type_}" + (f"&after={after}" if after else "")
            told: Json = await who.ask("GET", f"/v1/events{query}")
            if told["items"]:
                return told
            after = told["next_after"]


async def test_a_system_waits_for_what_is_decided_about_its_department(world: World) -> None:
    provider, consumer = await asyncio.gather(world.department(), world.department())
    client, resource = await asyncio.gather(world.client(consumer), world.resource(provider))
    application = await world.application(resource, consumer, client)
    [task] = (await consumer.head.ask("GET", "/v1/me/tasks"))["items"]
    assert (task["kind"], task["thing"]) == ("application.sign", application)
    assert task["url"] == f"/v1/applications/{application}"
    assert task["from_name"] == consumer.name
    waiting = asyncio.create_task(_until(client, "application.agreed"))
    await consumer.head.ask("POST", f"/v1/applications/{application}/sign")
    [task] = (await provider.head.ask("GET", "/v1/me/tasks"))["items"]
    assert (task["kind"], task["overdue"]) == ("application.agree", False)
    assert (task["remaining_working_days"], task["from_name"]) == (1, consumer.name)
    await provider.head.ask("POST", f"/v1/applications/{application}/agree")
    [event] = (await waiting)["items"]
    assert (event["type"], event["thing"]) == ("application.agreed", application)
    assert event["data"]["provider_name"] == provider.name
    problem(await client.get("/v1/me/tasks"), 403, "role_required")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("after=x", "invalid_cursor"),
        ("types=application.agreed,nothing", "invalid_parameter"),
        ("wait=31", "invalid_parameter"),
        ("wait=-1", "invalid_parameter"),
        ("limit=0", "invalid_parameter"),
        ("colour=red", "invalid_parameter"),
    ],
)
async def test_a_wrong_parameter_is_named(world: World, query: str, code: str) -> None:
    problem(await world.clerk.get(f"/v1/events?{query}"), 400, code)
