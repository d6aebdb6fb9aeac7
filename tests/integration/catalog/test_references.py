"""References and where they come from, through the catalogue as it is (G1)."""

import asyncio
from typing import Any

import pytest

from catalog import lifecycle, resources
from catalog.entries import ItemRole
from catalog.states import Decision, State
from kernel.database import Database
from kernel.errors import Invalid
from tests.support.catalog import NOW, Bureau, Office, entry, item, open_bureau
from tests.support.world import Department, World


@pytest.fixture
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database)


def errors(refusal: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(error.path, error.code, error.allowed) for error in refusal.value.errors]


async def become_source(bureau: Bureau, office: Office) -> str:
    claim = await bureau.claim(office)
    await bureau.decide(claim, Decision.DESIGNATE)
    return claim


async def test_a_reference_waits_for_a_source_of_its_element(bureau: Bureau) -> None:
    drafted = await bureau.draft(item(element=bureau.element, key=True))
    with pytest.raises(Invalid) as refusal:
        await bureau.submit(drafted.resource.id)
    assert errors(refusal) == [("items[0].role", "no_source", ())]
    await become_source(bureau, bureau.two)
    assert (await bureau.submit(drafted.resource.id)).status == State.SUBMITTED


async def test_what_the_source_publishes_is_named_by_who_refers_to_it(bureau: Bureau) -> None:
    await become_source(bureau, bureau.one)
    collected = (await bureau.published(bureau.key(role=ItemRole.SOURCE))).resource.id
    referred = item(element=bureau.element, key=True)
    drafted = (await bureau.draft(referred, office=bureau.two)).resource.id
    head = bureau.two.head
    facts: dict[str, Any] = {"leader_name": "韦某", "signed_on": NOW.date(), "now": NOW}
    for named, code in ((None, "missing"), (drafted, "not_in_code_list")):
        async with bureau.database.transaction() as session:
            said = entry(item(element=bureau.element, key=True, refers_to=named))
            await resources.change(session, bureau.two.clerk, drafted, said, revision=None, now=NOW)
            with pytest.raises(Invalid) as refusal:
                await lifecycle.submit(session, head, drafted, **facts)
        assert errors(refusal) == [("items[0].refers_to", code, (collected,))]
    async with bureau.database.transaction() as session:
        said = entry(item(element=bureau.element, key=True, refers_to=collected))
        await resources.change(session, bureau.two.clerk, drafted, said, revision=None, now=NOW)
        submitted = await lifecycle.submit(session, head, drafted, **facts)
    assert submitted.status == State.SUBMITTED


async def test_a_source_that_ends_while_its_entry_is_in_review_wins_if_it_comes_first(
    bureau: Bureau,
) -> None:
    """Both at once: the version is refused, or it is in force before the source ends."""
    claim = await become_source(bureau, bureau.one)
    resource_id = (await bureau.draft(bureau.key(role=ItemRole.SOURCE))).resource.id
    await bureau.submit(resource_id)
    async with bureau.database.transaction() as session:
        await lifecycle.approve(session, bureau.authority, resource_id, now=NOW)

    async def publish() -> str:
        async with bureau.database.transaction() as session:
            shown = await lifecycle.publish(session, bureau.authority, resource_id, now=NOW)
            return shown.status

    outcome, _ended = await asyncio.gather(
        publish(), bureau.decide(claim, Decision.END), return_exceptions=True
    )
    async with bureau.database.reading() as reading:
        shown = await resources.get(reading, bureau.one.clerk, resource_id)
    if isinstance(outcome, Invalid):
        assert [error.code for error in outcome.errors] == ["not_the_source"]
        assert shown.status == State.APPROVED
    else:
        assert outcome == shown.status == State.PUBLISHED


async def test_a_reference_is_told_with_the_name_of_the_resource(
    world: World,
) -> None:
    source, other = await asyncio.gather(world.department(), world.department())
    element = await world.element()
    await world.source(source, element)
    collected = await world.resource(
        source, [{"name": "id", "key": True, "element": element, "role": "source"}], name="户籍登记"
    )
    shown = await _referring(world, other, element, collected)
    assert shown["items"][0]["refers_to"] == collected
    assert shown["items"][0]["refers_to_name"] == "户籍登记"


async def _referring(
    world: World, department: Department, element: str, collected: str
) -> dict[str, Any]:
    body = await world.entry(department, ())
    [first] = [item for item in body["items"] if item["key"]]
    body["items"] = [first | {"element": element, "refers_to": collected}]
    made: dict[str, Any] = await department.clerk.ask("POST", "/v1/resources", body)
    await department.head.ask(
        "POST",
        f"/v1/resources/{made['id']}/submit",
        {"leader_name": "黄某", "signed_on": "2026-01-06"},
    )
    return made
