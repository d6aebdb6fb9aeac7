"""What a draft would do to running subscriptions: counts only, and only to who decides."""

from typing import Any

import asyncpg
from sqlmodel import col, select

from catalog import revisions
from deploy.local.stack import Endpoints
from exchange.stewardship import impact as measuring
from exchange.stewardship.version_effects import Effect
from exchange.subscriptions import grants
from exchange.subscriptions.tables import Subscription
from kernel import clock
from kernel.database import Database
from kernel.turns import finished
from kernel.workdays import local_date
from loadtests.copies import copy
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


async def test_grants_of_equal_terms_are_reckoned_once(
    world: World, database: Database, endpoints: Endpoints
) -> None:
    """8,575 grants of an entry were read whole and reckoned one by one: 0.7 s for a page."""
    sharing = await world.sharing([{"name": "id", "key": True}, {"name": "name"}])
    await world.subscription(
        sharing.resource,
        sharing.consumer,
        sharing.subscriber,
        items=["id"],
        row_filter=[{"item": "id", "op": "eq", "value": "a"}],
    )
    await draft(world, sharing, {"name": None})
    await copied(endpoints, sharing.resource, times=3)
    async with database.reading() as session:
        own = select(Subscription).where(col(Subscription.resource_id) == sharing.resource)
        rows = (await session.exec(own.order_by(col(Subscription.id)))).all()
        one_by_one = [await measuring.of_grant(session, row, now=clock.now()) for row in rows]
        alike = await grants.running(session, sharing.resource, clock.now())
        revision = await revisions.of_resource(
            session, sharing.resource, on=local_date(clock.now())
        )
    assert sorted(len(each.grants) for each in alike) == [4, 4]
    assert {each.outcome.effect for each in one_by_one} == {Effect.NONE, Effect.BROKEN}
    together = finished(measuring.comparing(revision, alike))
    assert [*together.subscriptions] == one_by_one


async def copied(endpoints: Endpoints, resource: str, times: int) -> None:
    """Copy the grants of a resource, with the applications that became them."""
    mine = f"resource_id = '{resource}'"
    connection = await asyncpg.connect(endpoints.database_url)
    try:
        await copy(connection, "exchange.application", "id subscription_id", times, mine)
        await copy(connection, "exchange.subscription", "id application_id", times, mine)
    finally:
        await connection.close()
