"""A consumer has the codes of the edition that it works with, whatever the provider publishes."""

from functools import partial
from typing import Any

from tests.support.callers import ClientApp
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.world import World

Json = dict[str, Any]


async def test_codes_leave_in_the_edition_that_the_consumer_named(world: World) -> None:
    code_list = await world.code_list("a", "b", "c", "d")
    newer = {
        "edition": "2",
        "effective_from": "2024-01-01",
        "items": [
            {"value": "a", "name": "a"},
            {"value": "b2", "name": "b2"},
            {"value": "c1", "name": "c1"},
            {"value": "c2", "name": "c2"},
            *(
                {"value": v, "name": v, "effective_to": "2023-12-31", "successors": list(to)}
                for v, to in (("b", ("b2",)), ("c", ("c1", "c2")), ("d", ("a",)))
            ),
        ],
    }
    path = f"/v1/code-lists/{code_list}/editions"
    await world.authority.ask("POST", path, newer)
    items = [
        {"name": "id", "key": True, "max_length": 64},
        {"name": "area", "data_type": "code", "code_list": code_list, "searchable": True},
        {"name": "note", "max_length": 64},
    ]
    sharing = await world.sharing(items, editions={"area": "1"})
    published = [{"id": v, "area": v, "note": "甲"} for v in ("a", "b2", "c1", "c2")]
    await sharing.publisher.publish(sharing.resource, published)
    told = (await sharing.subscriber.pull_all(sharing.subscription)).records
    # "a" stands in both editions; "c1" and "c2" came of "c", "b2" of "b".
    assert [line["data"]["area"] for line in told] == ["a", "b", "c", "c"]
    newest = await world.subscription(
        sharing.resource, sharing.consumer, sharing.subscriber, editions={"area": "2"}
    )
    same = (await sharing.subscriber.pull_all(newest)).records
    assert [line["data"]["area"] for line in same] == ["a", "b2", "c1", "c2"]
    shown = await sharing.consumer.clerk.ask("GET", f"/v1/subscriptions/{newest}")
    assert shown["editions"] == {"area": "2"}

    query = await world.subscription(
        sharing.resource,
        sharing.consumer,
        sharing.subscriber,
        mode="query",
        editions={"area": "1"},
    )
    row: Json = {}

    async def answered() -> bool:
        answer = await sharing.subscriber.get(f"/v1/subscriptions/{query}/records/b2")
        row.update(answer.json())
        return answer.status_code == 200

    await eventually(answered)
    assert row["data"]["area"] == "b"
    where = {"where": [{"item": "area", "op": "eq", "value": "b"}]}
    refused = await sharing.subscriber.post(f"/v1/subscriptions/{query}/query", where)
    assert problem(refused, 422, "validation_failed")["errors"][0]["code"] == "filter_not_granted"

    wrong = {"id": "1", "note": "1", "none": "1", "area": "9"}
    body = {
        "resource_id": sharing.resource,
        "client_id": sharing.subscriber.id,
        "items": ["id", "area", "note"],
        "mode": "pull",
        "basis": "依据",
        "scenario": "场景",
        "scope": "范围",
        "valid_until": "2035-01-01",
        "commitment": True,
        "editions": wrong,
    }
    answer = await sharing.consumer.clerk.post("/v1/applications", body)
    errors = {each["path"]: each for each in problem(answer, 422, "validation_failed")["errors"]}
    assert {path: each["code"] for path, each in errors.items()} == {
        "editions.id": "unknown_item",
        "editions.note": "unknown_item",
        "editions.none": "unknown_item",
        "editions.area": "not_in_code_list",
    }
    assert errors["editions.area"]["allowed"] == ["1", "2"]
    filtered = {
        **body,
        "editions": {"area": "1"},
        "row_filter": [{"item": "area", "op": "eq", "value": "a"}],
    }
    answer = await sharing.consumer.clerk.post("/v1/applications", filtered)
    assert problem(answer, 422, "validation_failed")["errors"][0]["code"] == "fixed"

    await world.authority.ask("POST", f"{path}/2/withdraw", {"reason": "编制有误"})
    # Workers went on reading them as before, others did not: pages differed by worker.
    for subscription in (sharing.subscription, newest):
        await eventually(partial(is_unmapped, sharing.subscriber, subscription))


async def is_unmapped(subscriber: ClientApp, subscription: str) -> bool:
    """Whether values stand as they are, those that the edition lacks with a mark."""
    lines = (await subscriber.pull_all(subscription)).records
    assert [line["key"] for line in lines] == ["a", "b2", "c1", "c2"]
    return [(line["data"]["area"], line.get("unmapped")) for line in lines[1:]] == [
        (value, ["area"]) for value in ("b2", "c1", "c2")
    ]
