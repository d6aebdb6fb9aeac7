"""People of the consumer look at what their subscription shows: masked, charged, by name (P3)."""

from tests.integration.exchange.delivery.test_lookups import ITEMS, NANNING, RECORDS
from tests.support.problems import problem
from tests.support.world import World


async def test_people_of_the_consumer_see_the_approved_view_charged_and_by_name(
    world: World,
) -> None:
    sharing = await world.sharing(ITEMS, records_per_day=3)
    await sharing.publisher.publish(sharing.resource, RECORDS)
    path = f"/v1/subscriptions/{sharing.subscription}/preview"
    seen = await sharing.consumer.clerk.ask("GET", f"{path}?limit=2")
    assert [(each["op"], each["key"]) for each in seen["items"]] == [
        ("upsert", "k1"),
        ("upsert", "k2"),
    ]
    assert seen["items"][0]["data"]["name"] == "韦***"
    again = await sharing.consumer.head.ask("GET", path)
    assert len(again["items"]) == 1
    problem(await sharing.consumer.head.get(path), 429, "quota_exhausted")
    told = await sharing.consumer.clerk.ask("GET", f"/v1/subscriptions/{sharing.subscription}")
    assert told["used_today"] == 3
    thing = f"thing={sharing.subscription}&event=records.previewed"
    audited = await world.auditor.ask("GET", f"/v1/audit?{thing}")
    assert [each["details"]["records"] for each in audited["items"]] == [2, 1]
    assert {each["actor_kind"] for each in audited["items"]} == {"person"}


async def test_a_preview_is_refused_as_the_client_is_and_to_others(world: World) -> None:
    sharing = await world.sharing(ITEMS, row_filter=[{**NANNING[0], "item": "id", "value": "k2"}])
    await sharing.publisher.publish(sharing.resource, RECORDS)
    path = f"/v1/subscriptions/{sharing.subscription}/preview"
    seen = await sharing.consumer.clerk.ask("GET", path)
    assert [each["key"] for each in seen["items"]] == ["k2"]
    stranger = await world.department()
    for who in (sharing.provider.head, stranger.clerk, sharing.subscriber):
        assert (await who.get(path)).status_code == 404
    assert (await sharing.consumer.clerk.get(f"{path}?limit=21")).status_code == 400
    reason = {"reason": "核查", "remedy_by": "2098-01-04"}
    await sharing.provider.head.ask("POST", path.replace("preview", "suspend"), reason)
    problem(await sharing.consumer.clerk.get(path), 403, "subscription_suspended")
