"""Codes of resources: a sequence for each class code, given once and kept (Art 13)."""

import asyncio

import pytest
from sqlalchemy import text

from catalog import lifecycle, resources
from kernel.database import Database
from tests.support.catalog import NOW, Bureau, entry, open_bureau
from tests.support.eventually import eventually
from tests.support.world import World, unique


@pytest.fixture
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database)


def new_class() -> str:
    """A class code that no other test drafts in: 目 of the 基础 class, with a long 细目."""
    return f"101001{int(unique()[:6], 36):010d}"


async def test_twenty_drafts_at_once_have_the_first_twenty_codes(bureau: Bureau) -> None:
    class_code = new_class()
    drafted = await asyncio.gather(*(bureau.draft(class_code=class_code) for _ in range(20)))
    found = sorted(shown.resource.resource_code or "" for shown in drafted)
    assert found == [f"{class_code}/{number:06d}" for number in range(1, 21)]


async def test_a_code_is_kept_when_the_class_changes(bureau: Bureau) -> None:
    resource = (await bureau.published(class_code=new_class())).resource
    async with bureau.database.transaction() as session:
        await lifecycle.revise(session, bureau.one.clerk, resource.id, now=NOW)
    async with bureau.database.transaction() as session:
        moved = await resources.change(
            session,
            bureau.one.clerk,
            resource.id,
            entry(bureau.key(), class_code="205001"),
            revision=None,
            now=NOW,
        )
    assert moved.resource.resource_code == resource.resource_code


async def test_what_a_gateway_of_the_release_before_drafts_has_its_code_when_submitted(
    bureau: Bureau,
) -> None:
    class_code = new_class()
    resource_id = (await bureau.draft(class_code=class_code)).resource.id
    without = text("UPDATE catalog.resource SET resource_code = NULL WHERE id = :id")
    async with bureau.database.transaction() as session:
        await session.execute(without.bindparams(id=resource_id))
    shown = await bureau.submit(resource_id)
    assert shown.resource.resource_code == f"{class_code}/000002"


async def test_a_resource_tells_what_was_published_and_how_fast_it_answers(world: World) -> None:
    sharing = await world.sharing()
    path = f"/v1/resources/{sharing.resource}"
    before = await sharing.consumer.clerk.ask("GET", path)
    assert (before["records"], before["last_published_at"], before["timely"]) == (0, None, False)
    assert before["resource_code"].startswith(f"{before['class_code']}/")
    assert before["reply_days"] == {"median": 0.0, "p90": 0, "count": 1}
    assert before["used_by"] == 1
    other = await world.department()
    for _time in range(2):
        await world.subscription(sharing.resource, other, await world.client(other))
    assert (await sharing.consumer.clerk.ask("GET", path))["used_by"] == 2
    records = [{"id": str(number), "name": "某"} for number in range(3)]
    await sharing.publisher.publish(sharing.resource, records)

    async def counted() -> bool:
        shown = await sharing.consumer.clerk.ask("GET", path)
        return bool(shown["records"] == 3 and shown["timely"] and shown["last_published_at"])

    await eventually(counted)
    listed = await sharing.consumer.clerk.ask("GET", "/v1/resources", params={"q": before["name"]})
    assert [each["records"] for each in listed["items"]] == [3]
