"""What a draft would do to running subscriptions: counts only, and only to who decides."""

from typing import Any

from tests.support.revising import draft
from tests.support.world import Sharing, World

Json = dict[str, Any]


async def impact(sharing: Sharing) -> Json:
    path = f"/v1/resources/{sharing.resource}/impact"
    told: Json = await sharing.provider.clerk.ask("GET", path)
    return told


async def test_a_draft_is_measured_against_each_running_subscription(world: World) -> None:
    code = await world.element("integer", maximum="1000")
    narrower = await world.element("integer", maximum="10")
    sharing = await world.sharing(
        [
            {"name": "id", "key": True},
            {"name": "name"},
            {"name": "amount", "element": code},
        ]
    )
    second = await world.subscription(
        sharing.resource,
        sharing.consumer,
        sharing.subscriber,
        items=["id", "name"],
        row_filter=[{"item": "id", "op": "eq", "value": "a"}],
    )
    body = [{"id": "a", "name": "甲", "amount": 5}, {"id": "b", "name": "乙", "amount": 500}]
    await sharing.publisher.publish(sharing.resource, body)
    await sharing.publisher.publish(sharing.resource, [{"id": "b"}], op="delete")
    first_answer = await impact(sharing)
    assert (first_answer["verdict"], first_answer["version"], first_answer["in_force"]) == (
        "none", 1, 1,
    )  # fmt: skip

    await draft(
        world, sharing, {"amount": {"element": narrower}, "name": {"mask": {"kind": "full"}}}
    )
    told = await impact(sharing)
    assert (told["verdict"], told["version"], told["in_force"]) == ("broken", 2, 1)
    by_id = {each["id"]: each for each in told["subscriptions"]}
    assert set(by_id) == {sharing.subscription, second}
    whole, some = by_id[sharing.subscription], by_id[second]
    assert (whole["effect"], whole["items_lost"]) == ("broken", ["amount"])
    assert (whole["samples"], whole["samples_failed"]) == (2, 1)
    assert (some["effect"], some["items_lost"], some["items_narrowed"]) == (
        "narrowed", [], ["name"],
    )  # fmt: skip
    assert (some["samples"], some["samples_failed"]) == (1, 0)
    assert whole["consumer_name"] == sharing.consumer.name
    assert "甲" not in str(told)

    path = f"/v1/resources/{sharing.resource}/impact"
    assert (await world.authority.get(path)).status_code == 200
    for stranger, code_told in (
        (sharing.consumer.clerk, "not_your_department"),
        (world.auditor, "role_required"),
    ):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, code_told)
