"""`GET /v1/receipts`: a provider finds its receipts again, also those whose ids it lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from exchange.publishing import issued
from kernel.database import Database
from tests.support.callers import Caller
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.world import World

Json = dict[str, Any]


async def listed(who: Caller, count: int, **query: str) -> list[Json]:
    """Return the receipts once there are as many."""
    found: list[Json] = []

    async def enough() -> bool:
        found[:] = (await who.ask("GET", "/v1/receipts", params=query))["items"]
        return len(found) >= count

    await eventually(enough)
    return found


async def test_receipts_are_listed_as_they_were_issued(world: World) -> None:
    sharing = await world.sharing()
    given = [
        await sharing.publisher.publish(sharing.resource, [{"id": str(n), "name": "某"}])
        for n in range(5)
    ]
    found = await listed(sharing.provider.clerk, 5, resource_id=sharing.resource)
    assert [each["receipt_id"] for each in found] == [each["receipt_id"] for each in given]
    client = {"client_id": sharing.publisher.id}
    for each, first in zip(found, given, strict=True):
        assert each.items() >= {**first, **client}.items()
        assert each["client_name"]
        assert each["resource_name"]
    again = await sharing.publisher.ask("GET", f"/v1/receipts/{found[2]['receipt_id']}")
    assert again.items() >= given[2].items()


async def test_they_are_paged_and_begin_where_asked(world: World) -> None:
    sharing = await world.sharing()
    for number in range(7):
        await sharing.publisher.publish(sharing.resource, [{"id": str(number), "name": "某"}])
    whole = await listed(sharing.publisher, 7)
    paged: list[Json] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = await sharing.publisher.ask("GET", "/v1/receipts", params=query)
        paged, cursor = paged + page["items"], page["next_cursor"]
    assert paged == whole
    since = whole[4]["published_at"]
    assert await listed(sharing.publisher, 3, since=since) == whole[4:]
    bad = await sharing.publisher.get("/v1/receipts", params={"cursor": "AAAA"})
    problem(bad, 400, "invalid_cursor")


async def test_they_are_the_departments_own(world: World) -> None:
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, [{"id": "1", "name": "某"}])
    await listed(sharing.publisher, 1)
    for stranger in (sharing.subscriber, sharing.consumer.clerk):
        query = {"resource_id": sharing.resource}
        problem(await stranger.get("/v1/receipts", params=query), 404, "not_found")
        assert (await stranger.ask("GET", "/v1/receipts"))["items"] == []


async def test_a_batch_in_quarantine_is_listed_with_what_was_left_out(world: World) -> None:
    sharing = await world.sharing()
    path = f"/v1/resources/{sharing.resource}/records?on_invalid=quarantine"
    body = [{"id": "1", "name": "某"}, {"id": "2"}]
    given = await sharing.publisher.ask("POST", path, body)
    (found,) = await listed(sharing.publisher, 1)
    assert (found["accepted"], found["rejected"], found["error_count"]) == (1, 1, 1)
    assert (found["receipt_id"], found["errors"]) == (given["receipt_id"], [])


async def test_old_ones_are_forgotten(world: World, database: Database) -> None:
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, [{"id": "1", "name": "某"}])
    (found,) = await listed(sharing.publisher, 1)
    later = datetime.now(UTC) + timedelta(days=3)
    aged = text(
        "UPDATE exchange.issued_receipt SET at = at - interval '40 days' WHERE resource_id = :id"
    ).bindparams(id=sharing.resource)
    async with database.transaction() as session:
        await session.execute(aged)
    async with database.transaction() as session:
        assert await issued.forget_old(session, later, days=30) >= 1
    assert (await sharing.publisher.ask("GET", "/v1/receipts"))["items"] == []
    assert await sharing.publisher.ask("GET", f"/v1/receipts/{found['receipt_id']}")
