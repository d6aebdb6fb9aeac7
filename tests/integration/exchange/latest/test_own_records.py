"""The provider's own latest state over HTTP: what the last record of each key is, and of which."""

from typing import Any
from urllib.parse import quote

from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.world import Caller, ClientApp, World

Json = dict[str, Any]


async def listed(caller: Caller, resource: str, limit: int = 200) -> list[Json]:
    """Return all pages."""
    items: list[Json] = []
    cursor: str | None = None
    while True:
        params: Json = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = await caller.get(f"/v1/resources/{resource}/records", params=params)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return items


async def folded(caller: Caller, resource: str, count: int) -> list[Json]:
    """Return the list once it holds so many: asking begins the folding."""
    found: list[Json] = []

    async def complete() -> bool:
        answer = await caller.get(f"/v1/resources/{resource}/records", params={"limit": 200})
        if answer.status_code == 409:
            assert int(answer.headers["retry-after"]) > 0
            problem(answer, 409, "state_incomplete")
            return False
        found[:] = await listed(caller, resource)
        return len(found) == count

    await eventually(complete)
    return found


async def rows(world: World, publisher: ClientApp, resource: str, count: int) -> Json:
    lines = [{"id": f"k{n}", "name": "甲", "amount": n} for n in range(count)]
    receipt: Json = await publisher.publish(resource, lines)
    return receipt


async def test_a_provider_sees_its_own_last_records_with_receipt_and_version(world: World) -> None:
    provider = await world.department()
    publisher = await world.client(provider)
    resource = await world.resource(provider, partitions=3)
    await rows(world, publisher, resource, 7)
    changed = await publisher.publish(resource, [{"id": "k1", "name": "乙"}])
    await publisher.publish(resource, [{"id": "k2"}], op="delete")
    await publisher.publish(resource, [{"id": "a/b?\n%", "name": "丙"}])
    found = {record["key"]: record for record in await folded(publisher, resource, 7)}
    assert found.keys() == {"k0", "k1", "k3", "k4", "k5", "k6", "a/b?\n%25"}
    assert found["k1"]["data"] == {"id": "k1", "name": "乙"}
    assert (found["k1"]["version"], found["k0"]["version"]) == (1, 1)

    async def of(key: str) -> Json:
        path = f"/v1/resources/{resource}/records/{quote(key, safe='')}"
        told: Json = await provider.clerk.ask("GET", path)
        return told

    async def has_receipt() -> bool:
        return (await of("k1"))["receipt_id"] is not None

    await eventually(has_receipt)
    told = await of("k1")
    assert told["receipt_id"] == changed["receipt_id"]
    assert told["published_at"]
    assert told["as_of"].endswith("+00:00")
    assert (await of("a/b?\n%25"))["data"]["name"] == "丙"
    problem(await publisher.get(f"/v1/resources/{resource}/records/k2"), 404, "not_found")
    problem(await publisher.get(f"/v1/resources/{resource}/records/no"), 404, "not_found")
    problem(await publisher.get(f"/v1/resources/{resource}/records/a/b"), 404, "not_found")


async def test_pages_do_not_lose_or_repeat_what_stays_while_others_come_and_go(
    world: World,
) -> None:
    provider = await world.department()
    publisher = await world.client(provider)
    resource = await world.resource(provider, partitions=2)
    await rows(world, publisher, resource, 30)
    await folded(publisher, resource, 30)
    path = f"/v1/resources/{resource}/records"
    seen: list[str] = []
    cursor: str | None = None
    for turn in range(100):
        params: Json = {"limit": 4} | ({"cursor": cursor} if cursor else {})
        told = (await publisher.get(path, params=params)).json()
        seen += [item["key"] for item in told["items"]]
        await publisher.publish(resource, [{"id": f"new{turn}", "name": "新"}])
        await publisher.publish(resource, [{"id": f"k{turn % 10}"}], op="delete")
        cursor = told["next_cursor"]
        if cursor is None:
            break
    stays = {f"k{n}" for n in range(10, 30)}
    assert stays <= set(seen)
    assert len(seen) == len(set(seen))
    problem(await publisher.get(path, params={"cursor": "nonsense"}), 400, "invalid_cursor")


async def test_nobody_else_sees_them_and_no_key_is_written_down(world: World) -> None:
    provider, other = await world.department(), await world.department()
    stranger = await world.client(other)
    reader = await world.client(provider, ["records:read"])
    resource = await world.resource(provider)
    secret = "450102199001011234"
    path = f"/v1/resources/{resource}/records/{secret}"
    for caller in (stranger, other.clerk, other.head):
        problem(await caller.get(path), 404, "not_found")
    problem(await reader.get(path), 403, "insufficient_scope")
    refused = await stranger.get(path)
    assert secret not in refused.text
    correlation = refused.json()["correlation_id"]

    asked = f"/v1/refusals/{correlation}"

    async def is_kept() -> bool:
        return (await stranger.get(asked)).status_code == 200

    await eventually(is_kept)
    row = (await stranger.get(asked)).text
    assert secret not in row
    assert "/records/{key}" in row
