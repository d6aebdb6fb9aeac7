"""Where data come from and where they go, for who may see it; and no circle of derivations."""

import asyncio
from typing import Any

from kernel.ids import new_id
from tests.support.revising import ENTRY, draft
from tests.support.world import Sharing, World

Json = dict[str, Any]


def edges(told: Json, kind: str) -> set[tuple[str, str]]:
    return {(each["from"], each["to"]) for each in told["edges"] if each["kind"] == kind}


def nodes(told: Json, kind: str) -> dict[str, str]:
    return {each["id"]: each["name"] for each in told["nodes"] if each["kind"] == kind}


async def derived(world: World, sharing: Sharing, *origins: str, publish: bool = True) -> str:
    return await world.resource(
        sharing.consumer, [{"name": "id", "key": True}], publish=publish, derived_from=origins
    )


async def test_lineage_runs_from_element_and_source_to_subscription(world: World) -> None:
    element = await world.element()
    sharing = await world.sharing([{"name": "id", "key": True, "element": element}])
    source = await world.source(sharing.provider, element, designate=False)
    await world.authority.ask("POST", f"/v1/sources/{source}/replace")
    below = await derived(world, sharing, sharing.resource)
    lowest = await derived(world, sharing, below)
    hidden = await derived(world, sharing, sharing.resource, publish=False)
    path = f"/v1/resources/{sharing.resource}/lineage"

    told = await sharing.consumer.clerk.ask("GET", path)
    assert set(nodes(told, "resource")) == {sharing.resource, below, lowest, hidden}
    assert edges(told, "derived") == {
        (sharing.resource, below), (sharing.resource, hidden), (below, lowest),
    }  # fmt: skip
    assert (sharing.provider.uscc, source) in edges(told, "provides")
    assert (source, element) in edges(told, "source_of")
    assert (element, sharing.resource) in edges(told, "item_of")
    assert edges(told, "granted") == {(sharing.resource, sharing.subscription)}
    assert edges(told, "consumes") == {(sharing.subscription, sharing.consumer.uscc)}
    assert nodes(told, "department")[sharing.provider.uscc] == sharing.provider.name
    assert nodes(told, "source")[source] == sharing.provider.name
    assert nodes(told, "element")[element].startswith("测试数据元")
    assert told["complete"] is True

    near = await sharing.consumer.clerk.ask("GET", f"{path}?depth=1")
    assert lowest not in nodes(near, "resource")
    up = await sharing.provider.clerk.ask("GET", f"/v1/resources/{lowest}/lineage")
    assert sharing.resource in nodes(up, "resource")
    outsider = await world.department()
    seen = await outsider.clerk.ask("GET", path)
    assert set(nodes(seen, "resource")) == {sharing.resource, below, lowest}
    assert nodes(seen, "subscription") == {}
    assert hidden not in str(seen)
    assert (await outsider.clerk.get(f"/v1/resources/{hidden}/lineage")).status_code == 404
    assert (await outsider.clerk.get(f"{path}?depth=6")).status_code == 400


async def test_a_resource_is_never_derived_from_itself(world: World) -> None:
    sharing = await world.sharing([{"name": "id", "key": True}])
    below = await derived(world, sharing, sharing.resource)
    await draft(world, sharing)
    path, clerk = f"/v1/resources/{sharing.resource}", sharing.provider.clerk
    shown = await clerk.get(path)
    entry = {name: shown.json()[name] for name in ENTRY}
    for origins, code in (
        ([sharing.resource], "cycle"),
        ([below], "cycle"),
        ([new_id()], "not_found"),
        ([await derived(world, sharing, publish=False)], "not_found"),
    ):
        body = entry | {"derived_from": origins}
        answer = await clerk.put(path, body, headers={"If-Match": shown.headers["etag"]})
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["path"], error["code"]) == (
            422, "derived_from[0]", code,
        )  # fmt: skip


async def test_two_drafts_at_once_make_no_circle(world: World) -> None:
    sharing = await world.sharing([{"name": "id", "key": True}])
    other = await derived(world, sharing)
    theirs = f"/v1/resources/{other}"
    await draft(world, sharing)
    await sharing.consumer.clerk.ask("POST", f"{theirs}/revise")
    mine = f"/v1/resources/{sharing.resource}"

    async def point(clerk: Any, path: str, origin: str) -> int:  # noqa: ANN401 - a caller
        shown = await clerk.get(path)
        body = {name: shown.json()[name] for name in ENTRY} | {"derived_from": [origin]}
        answer = await clerk.put(path, body, headers={"If-Match": shown.headers["etag"]})
        return int(answer.status_code)

    answered = await asyncio.gather(
        point(sharing.provider.clerk, mine, other),
        point(sharing.consumer.clerk, theirs, sharing.resource),
    )
    assert sorted(answered) == [200, 422]
