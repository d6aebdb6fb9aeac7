"""A wrong value is corrected, and whoever received it sees the right one marked (Art 26, P13)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.support.callers import Refused
from tests.support.eventually import eventually
from tests.support.world import ClientApp, Department, Sharing, World

Json = dict[str, Any]
FULL = {"kind": "full"}
HASH = {"kind": "hash"}
ITEMS: Sequence[Mapping[str, Any]] = (
    {"name": "id", "key": True},
    {"name": "name", "required": True},
    {"name": "phone"},
)


async def correct(
    caller: Any,  # noqa: ANN401 - a person or a client
    subscription: str,
    key: str,
    **said: Any,  # noqa: ANN401 - fields of the request
) -> Json:
    body = {"key": key, "problem": "wrong", "description": "与户口簿不符", **said}
    made: Json = await caller.ask("POST", f"/v1/subscriptions/{subscription}/corrections", body)
    return made


async def refusal(caller: Any, subscription: str, key: str, **said: Any) -> Json:  # noqa: ANN401
    with pytest.raises(Refused) as refused:
        await correct(caller, subscription, key, **said)
    problem: Json = refused.value.answer.json()
    return problem


def codes(problem: Json) -> list[tuple[str, str]]:
    return [(error["path"], error["code"]) for error in problem["errors"]]


async def fixed(provider: Department, correction: str, receipt: Json) -> Json:
    path = f"/v1/corrections/{correction}"
    await provider.head.ask("POST", f"{path}/accept")
    return await fix(provider, correction, receipt)


async def fix(provider: Department, correction: str, receipt: Json) -> Json:
    body = {"receipt_id": receipt["receipt_id"]}
    done: Json = await provider.clerk.ask("POST", f"/v1/corrections/{correction}/fix", body)
    return done


async def marks(client: ClientApp, subscription: str) -> list[tuple[str, str, str | None]]:
    """What a subscription sees from the beginning: op, name or key, mark."""
    path = f"/v1/subscriptions/{subscription}/rewind"
    cursor = (await client.ask("POST", path, {"to": "earliest"}))["cursor"]
    page = await client.pull_all(subscription, cursor)
    return [
        (line["op"], line.get("data", {}).get("name", line["key"]), line.get("correction"))
        for line in page.records
    ]


async def another(world: World, sharing: Sharing, **asked: Any) -> tuple[ClientApp, str]:  # noqa: ANN401
    """One more department with a subscription to the same resource."""
    consumer = await world.department()
    client = await world.client(consumer)
    return client, await world.subscription(sharing.resource, consumer, client, **asked)


async def test_whoever_received_the_value_sees_the_fix_marked_and_nobody_else(
    world: World,
) -> None:
    sharing = await world.sharing(
        [*ITEMS[:2], {**ITEMS[2], "mask": FULL}], partitions=2, unmasked=["phone"]
    )
    reading, read = await another(world, sharing, unmasked=["phone"])
    late, unread = await another(world, sharing, unmasked=["phone"])
    masked, hidden = await another(world, sharing)
    wrong = [{"id": "a", "name": "张三", "phone": "1"}, {"id": "b", "name": "李四", "phone": "2"}]
    await sharing.publisher.publish(sharing.resource, wrong)
    for client, subscription in (
        (sharing.subscriber, sharing.subscription), (reading, read), (masked, hidden),
    ):  # fmt: skip
        assert len((await client.pull_all(subscription)).records) == 2
    raised = await correct(
        sharing.consumer.clerk, sharing.subscription, "a", items=[{"item": "phone"}]
    )
    assert (raised["status"], raised["key"], raised["affected_count"]) == ("submitted", "a", None)
    assert raised["remaining_working_days"] == 10
    receipt = await sharing.publisher.publish(
        sharing.resource, [{"id": "a", "name": "张三", "phone": "9"}]
    )
    done = await fixed(sharing.provider, raised["id"], receipt)
    assert done["status"] == "fixed"
    mark = raised["id"]

    async def is_marked() -> bool:
        shown = await sharing.provider.head.ask("GET", f"/v1/corrections/{mark}")
        return bool(shown["affected_count"] == 2)

    # A worker that is busy tells later what it has handed on.
    await eventually(is_marked)
    for client, subscription in ((sharing.subscriber, sharing.subscription), (reading, read)):
        seen = await marks(client, subscription)
        assert sorted(seen, key=str) == sorted(
            [("upsert", "张三", None), ("upsert", "李四", None), ("upsert", "张三", mark)], key=str
        )
        assert await marks(client, subscription) == seen
    for client, subscription in ((late, unread), (masked, hidden)):
        seen = await marks(client, subscription)
        assert (len(seen), {each[2] for each in seen}) == (3, {None})
    path = f"/v1/corrections/{mark}"
    told = await world.authority.ask("GET", path)
    affected = {each["subscription_id"] for each in told["affected"]}
    assert (affected, told["key"]) == ({sharing.subscription, read}, None)
    for person in (sharing.provider.head, sharing.consumer.head):
        assert (await person.ask("GET", path))["affected"] is None
    confirmed = await sharing.subscriber.ask("POST", f"{path}/confirm")
    assert (confirmed["status"], confirmed["allowed"]) == ("confirmed", [])
    steps = (await sharing.consumer.clerk.ask("GET", path))["history"]
    assert [step["action"] for step in steps] == ["submit", "accept", "fix", "confirm"]
    figures = await sharing.provider.head.ask("GET", "/v1/corrections/statistics")
    [row] = figures["items"]
    assert (row["submitted"], row["confirmed"], row["breached"]) == (1, 1, 0)
    assert row["element"] is not None


async def test_what_came_a_moment_ago_is_disputed_and_not_what_came_before(world: World) -> None:
    """The record before was taken for the wrong one: whoever had the right value saw a mark."""
    sharing = await world.sharing(ITEMS)
    reading, read = await another(world, sharing)
    await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张三"}])
    cursor = (await sharing.subscriber.pull_all(sharing.subscription)).cursor
    await reading.pull_all(read)
    # By the time that somebody else's has been found out, the first record is told of.
    earlier = await correct(reading, read, "a", items=[{"item": "name"}])
    await reading.ask("POST", f"/v1/corrections/{earlier['id']}/withdraw")
    await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张三（误）"}])
    [line] = (await sharing.subscriber.pull_all(sharing.subscription, cursor)).records
    assert line["data"]["name"] == "张三（误）"
    client = sharing.subscriber
    raised = await correct(client, sharing.subscription, "a", items=[{"item": "name"}])
    receipt = await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张三"}])
    await fixed(sharing.provider, raised["id"], receipt)
    path = f"/v1/corrections/{raised['id']}"

    async def is_marked() -> bool:
        return bool((await sharing.provider.head.ask("GET", path))["affected_count"])

    await eventually(is_marked)
    told = await world.authority.ask("GET", path)
    assert [each["subscription_id"] for each in told["affected"]] == [sharing.subscription]
    assert (await marks(reading, read))[-1] == ("upsert", "张三", None)


async def test_a_masked_key_is_disputed_as_it_is_seen_and_a_delete_is_a_fix(world: World) -> None:
    items = [{**ITEMS[0], "mask": HASH}, *ITEMS[1:]]
    sharing = await world.sharing(items)
    await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张三"}])
    [line] = (await sharing.subscriber.pull_all(sharing.subscription)).records
    assert line["key"] != "a"
    raised = await correct(
        sharing.subscriber, sharing.subscription, line["key"], problem="duplicate"
    )
    path = f"/v1/corrections/{raised['id']}"
    assert (await sharing.provider.clerk.ask("GET", path))["key"] == "a"
    receipt = await sharing.publisher.publish(sharing.resource, [{"id": "a"}], op="delete")
    await fixed(sharing.provider, raised["id"], receipt)
    assert await marks(sharing.subscriber, sharing.subscription) == [
        ("upsert", "张三", None),
        ("delete", line["key"], raised["id"]),
    ]
    # What is deleted since was received all the same.
    later = await correct(sharing.subscriber, sharing.subscription, line["key"], problem="other")
    assert later["status"] == "submitted"


async def test_a_correction_may_be_reopened_once_and_needs_a_later_fix(world: World) -> None:
    sharing = await world.sharing(ITEMS)
    old = await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张三"}])
    await sharing.subscriber.pull_all(sharing.subscription)
    raised = await correct(sharing.consumer.head, sharing.subscription, "a")
    path = f"/v1/corrections/{raised['id']}"
    await sharing.provider.head.ask("POST", f"{path}/accept")
    other = await sharing.publisher.publish(sharing.resource, [{"id": "b", "name": "李四"}])
    for receipt in (old, other, {"receipt_id": "no receipt"}):
        with pytest.raises(Refused) as refused:
            await fix(sharing.provider, raised["id"], receipt)
        assert codes(refused.value.answer.json()) == [("receipt_id", "fix_not_found")]
    first = await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张四"}])
    await fix(sharing.provider, raised["id"], first)
    again = await sharing.consumer.clerk.ask("POST", f"{path}/reopen", {"reason": "仍不符"})
    assert (again["status"], again["remaining_working_days"]) == ("accepted", 10)
    with pytest.raises(Refused) as refused:
        await fix(sharing.provider, raised["id"], first)
    assert codes(refused.value.answer.json()) == [("receipt_id", "fix_not_found")]
    second = await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张五"}])
    done = await fix(sharing.provider, raised["id"], second)
    assert [step["action"] for step in done["next"]] == ["confirm"]
    with pytest.raises(Refused) as refused:
        await sharing.consumer.clerk.ask("POST", f"{path}/reopen")
    problem = refused.value.answer.json()
    assert (problem["code"], problem["allowed"]) == ("illegal_transition", ["confirm"])
    assert [each[2] for each in await marks(sharing.subscriber, sharing.subscription)] == [
        None, None, raised["id"], raised["id"],
    ]  # fmt: skip


async def test_what_may_not_be_disputed_is_refused(world: World) -> None:
    items = [*ITEMS[:2], {**ITEMS[2], "mask": FULL}]
    sharing = await world.sharing(items, granted=["id", "phone"])
    await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张三", "phone": "1"}])
    clerk, subscription = sharing.consumer.clerk, sharing.subscription
    assert codes(await refusal(clerk, subscription, "a")) == [("key", "never_received")]
    missing = await correct(clerk, subscription, "z", problem="missing")
    withdrawn = await clerk.ask("POST", f"/v1/corrections/{missing['id']}/withdraw")
    assert withdrawn["status"] == "withdrawn"
    said = [{"item": "name"}, {"item": "phone", "expected": "2"}, {"item": "id", "expected": 3}]
    assert codes(await refusal(clerk, subscription, "a", items=said)) == [
        ("items[0].item", "unknown_item"),
        ("items[1].expected", "not_allowed"),
        ("items[2].expected", "wrong_type"),
    ]
    stranger = await world.department()
    for caller in (await world.client(sharing.consumer), stranger.clerk):
        assert (await refusal(caller, subscription, "a"))["status"] == 404
    assert (await refusal(sharing.provider.clerk, subscription, "a"))["status"] == 403
    path = f"/v1/corrections/{missing['id']}"
    assert (await stranger.clerk.get(path)).status_code == 404
    listed = await sharing.provider.head.ask("GET", "/v1/corrections?role=provider&overdue=false")
    assert [each["id"] for each in listed["items"]] == [missing["id"]]
    assert (await stranger.head.ask("GET", "/v1/corrections"))["items"] == []
