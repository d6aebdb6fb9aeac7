"""What of a record leaves, over versions, grants and foreign records, over HTTP (P3, P12)."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.stack import Endpoints
from exchange.log.topics import topic_of
from tests.support.callers import Refused
from tests.support.revising import revise
from tests.support.world import Sharing, World

Json = dict[str, Any]


async def data(sharing: Sharing) -> list[Json]:
    page = await sharing.subscriber.pull_all(sharing.subscription)
    return [record["data"] for record in page.records]


async def test_old_records_and_new_ones_are_each_read_by_their_own_version(world: World) -> None:
    """A name bound to another element was delivered; the agreed mask won over a stricter one."""
    partial = {"kind": "partial", "keep_start": 1, "keep_end": 0}
    sharing = await world.sharing(
        [{"name": "id", "key": True}, {"name": "contact"}, {"name": "name", "mask": partial}]
    )
    body = [{"id": "a", "contact": "0771-1", "name": "张三丰"}]
    await sharing.publisher.publish(sharing.resource, body)
    assert await data(sharing) == [{"id": "a", "contact": "0771-1", "name": "张***"}]
    other = await world.lend(await world.element())
    full = {"kind": "full"}
    await revise(world, sharing, {"contact": {"element": other}, "name": {"mask": full}})
    body = [{"id": "b", "contact": "450102199001011234", "name": "李四"}]
    await sharing.publisher.publish(sharing.resource, body)
    assert await data(sharing) == [
        {"id": "a", "contact": "0771-1", "name": "***"},
        {"id": "b", "name": "***"},
    ]
    shown = await sharing.consumer.clerk.ask("GET", f"/v1/subscriptions/{sharing.subscription}")
    assert shown["masks"] == {"name": full}
    [listed] = (await sharing.consumer.clerk.ask("GET", "/v1/subscriptions"))["items"]
    assert listed["masks"] == {"name": full}


async def test_a_renamed_item_stays_granted_and_filtered(world: World) -> None:
    element = await world.element(data_type="integer")
    sharing = await world.sharing(
        [{"name": "id", "key": True}, {"name": "sum", "element": element}],
        row_filter=[{"item": "sum", "op": "ge", "value": 2}],
    )
    await sharing.publisher.publish(
        sharing.resource, [{"id": "a", "sum": 1}, {"id": "b", "sum": 2}]
    )
    await revise(world, sharing, {"sum": {"name": "amount"}})
    body = [{"id": "c", "amount": 1}, {"id": "d", "amount": 3}]
    await sharing.publisher.publish(sharing.resource, body)
    assert await data(sharing) == [{"id": "b", "sum": 2}, {"id": "d", "amount": 3}]


async def test_a_delete_tells_nothing_of_a_row_that_the_filter_hid(world: World) -> None:
    """Its key was told, though the row never was (A6)."""
    sharing = await world.sharing(row_filter=[{"item": "amount", "op": "ge", "value": 2}])
    body = [{"id": "hidden", "name": "x", "amount": 1}, {"id": "shown", "name": "y", "amount": 2}]
    await sharing.publisher.publish(sharing.resource, body)
    await sharing.publisher.publish(sharing.resource, [{"id": "hidden"}], op="delete")
    page = await sharing.subscriber.pull_all(sharing.subscription)
    assert [record["key"] for record in page.records] == ["shown"]
    assert "hidden" not in page.answer.text


async def test_the_key_is_fixed_by_the_first_publication(world: World) -> None:
    sharing = await world.sharing()
    with pytest.raises(Refused) as refused:
        await revise(
            world, sharing, {"id": {"key": False}, "name": {"key": True, "required": True}}
        )
    problem = refused.value.answer.json()
    assert (problem["status"], [e["code"] for e in problem["errors"]]) == (422, ["fixed"])


async def test_an_entry_that_is_not_shared_any_more_suspends_its_subscriptions(
    world: World,
) -> None:
    """It went on serving old subscriptions, new records too (A15)."""
    sharing = await world.sharing()
    body = [{"id": "a", "name": "x"}]
    await sharing.publisher.publish(sharing.resource, body)
    assert len(await data(sharing)) == 1
    await revise(world, sharing, share_type="none", legal_basis="《某法》第八条")
    answer = await sharing.subscriber.try_pull(sharing.subscription)
    assert (answer.status_code, answer.json()["code"]) == (403, "subscription_suspended")
    path = f"/v1/subscriptions/{sharing.subscription}"
    shown = await sharing.consumer.clerk.ask("GET", path)
    assert (shown["status"], shown["suspended_by"]) == ("suspended", "provider")
    assert "《某法》第八条" in shown["suspend_reason"]
    assert shown["history"][-1]["action"] == "suspend"
    with pytest.raises(Refused) as refused:
        await sharing.provider.head.ask("POST", f"{path}/resume")
    assert refused.value.answer.json()["code"] == "not_shareable"
    await revise(world, sharing, share_type="unconditional")
    await sharing.provider.head.ask("POST", f"{path}/resume")
    assert len(await data(sharing)) == 1


async def test_a_filter_asks_no_questions_about_what_is_not_shown(world: World) -> None:
    """With standing consent, nine such subscriptions read a masked value of three digits (A7)."""
    items: list[Json] = [
        {"name": "id", "key": True},
        {"name": "pin", "mask": {"kind": "full"}},
        {"name": "n"},
    ]
    sharing = await world.sharing(items, granted=["id", "n"])
    for granted in (["id", "pin"], ["id", "n"]):
        with pytest.raises(Refused) as refused:
            await world.application(
                sharing.resource,
                sharing.consumer,
                sharing.subscriber,
                items=granted,
                row_filter=[{"item": "pin", "op": "prefix", "value": "1"}],
            )
        [error] = refused.value.answer.json()["errors"]
        assert (error["path"], error["code"]) == ("row_filter[0].item", "filter_not_granted")
    own = [{"item": "pin", "op": "prefix", "value": "1"}]
    allowed = await world.subscription(
        sharing.resource,
        sharing.consumer,
        sharing.subscriber,
        items=["id"],
        agreed={"row_filter": own},
    )
    await sharing.publisher.publish(
        sharing.resource, [{"id": "a", "pin": "123"}, {"id": "b", "pin": "234"}]
    )
    page = await sharing.subscriber.pull_all(allowed)
    assert [record["data"] for record in page.records] == [{"id": "a"}]


FOREIGN: Sequence[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]] = [
    (b"f", b'{"id":"f","name":"no batch of ours"}', []),
    (b"f", b'{"a":', [("exchange-version", b"1"), ("exchange-count", b"1")]),
    (b"f", b"\xff\xfe", [("exchange-version", b"1"), ("exchange-count", b"1")]),
    (b"f", b"[1,2]", [("exchange-version", b"1"), ("exchange-count", b"1")]),
    (b"f", b"17", [("exchange-version", b"1"), ("exchange-count", b"1")]),
    (b"f", b'{"id":"f"}\n{"id":"g"}', [("exchange-version", b"1"), ("exchange-count", b"1")]),
    (b"\xff\xfe", b'{"id":"f"}', [("exchange-version", b"1"), ("exchange-count", b"1")]),
    (None, b"", [("exchange-version", b"1"), ("exchange-count", b"1")]),
]


async def send_foreign(endpoints: Endpoints, resource: str) -> None:
    """Write what is no record of ours, past the platform."""
    producer = AIOKafkaProducer(bootstrap_servers=endpoints.kafka_bootstrap)
    await producer.start()
    try:
        for key, value, headers in FOREIGN:
            topic = topic_of(resource)
            await producer.send_and_wait(topic, value, key=key, partition=0, headers=headers)
    finally:
        await producer.stop()


async def test_what_others_wrote_into_a_topic_is_left_out_and_passed(
    world: World, endpoints: Endpoints
) -> None:
    """A 500 for ever, or as it was to whoever was granted everything (B4, B5)."""
    whole = await world.sharing()
    ask = (whole.resource, whole.consumer, whole.subscriber)
    narrow = await world.subscription(*ask, items=["name"])
    filtered = await world.subscription(
        *ask, row_filter=[{"item": "name", "op": "ne", "value": "-"}]
    )
    await whole.publisher.publish(whole.resource, [{"id": "before", "name": "x"}])
    await send_foreign(endpoints, whole.resource)
    await whole.publisher.publish(whole.resource, [{"id": "after", "name": "y"}])
    for subscription in (whole.subscription, narrow, filtered):
        page = await whole.subscriber.pull_all(subscription)
        assert [record["data"]["name"] for record in page.records] == ["x", "y"]
        assert (await whole.subscriber.pull(subscription, page.cursor)).records == []
