"""Who acts at the same moment on an announced version: one winner, whoever it is."""

import asyncio

from tests.integration.exchange.announcements.test_announced import (
    WITHOUT_NAME,
    by_law,
)
from tests.support.revising import draft
from tests.support.world import World

CROWD = 6


async def test_of_many_announcements_objections_and_publications_one_of_each_wins(
    world: World,
) -> None:
    sharing = await world.sharing([{"name": "id", "key": True}, {"name": "name"}])
    await draft(world, sharing, WITHOUT_NAME)
    await world.approve(sharing.resource)
    path, mine = f"/v1/resources/{sharing.resource}", f"/v1/subscriptions/{sharing.subscription}"
    head, consumer = sharing.provider.head, sharing.consumer.head
    await asyncio.gather(head.token(), consumer.token(), world.authority.token())
    announced = await asyncio.gather(
        *(head.post(f"{path}/announce", by_law()) for _ in range(CROWD))
    )
    assert sorted(answer.status_code for answer in announced) == [200, *[409] * (CROWD - 1)]

    await world.authority.ask("POST", f"{path}/file-change", {})
    body = {"version": 2, "reason": "仍需要"}
    answers = await asyncio.gather(
        *(consumer.post(f"{mine}/object", body) for _ in range(CROWD)),
        *(world.authority.post(f"{path}/publish") for _ in range(2)),
    )
    objected = [answer for answer in answers[:CROWD] if answer.status_code == 200]
    published = [answer for answer in answers[CROWD:] if answer.status_code == 200]
    assert {answer.status_code for answer in answers} == {200, 409}
    assert len(objected) + len(published) == 1
    listed = (await sharing.consumer.clerk.ask("GET", "/v1/disputes?role=claimant"))["items"]
    assert len(listed) == len(objected)
