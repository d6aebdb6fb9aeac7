"""What one department drafts, another one does not know of: every way to ask is tried."""

from collections.abc import Awaitable, Callable

import pytest

from auth.principal import Principal
from catalog import lifecycle, resources, search, versions
from catalog.search import Criteria
from catalog.states import State
from kernel.database import Database, WriteSession
from kernel.errors import NotFound
from kernel.paging import PageRequest
from tests.support.catalog import CITY, NOW, Bureau, caller, entry, open_bureau

Ask = Callable[[WriteSession, Principal, str], Awaitable[object]]
TODAY = NOW.date()

WAYS: dict[str, Ask] = {
    "get": resources.get,
    "versions": versions.listed,
    "version": lambda s, p, r: versions.shown(s, p, r, 1),
    "history": versions.history,
    "schema": lambda s, p, r: versions.shown_contract(s, p, r, on=TODAY),
    "validate": versions.serves_to,
    "diff": lambda s, p, r: versions.compare_versions(s, p, r, 1, 1, on=TODAY),
    "change": lambda s, p, r: resources.change(s, p, r, entry(), revision=1, now=NOW),
    "submit": lambda s, p, r: lifecycle.submit(s, p, r, leader_name="x", signed_on=TODAY, now=NOW),
    "return": lambda s, p, r: lifecycle.send_back(s, p, r, reason="x", now=NOW),
    "approve": lambda s, p, r: lifecycle.approve(s, p, r, now=NOW),
    "publishable": lambda s, p, r: lifecycle.publishable(s, p, r, now=NOW),
    "publish": lambda s, p, r: lifecycle.publish(s, p, r, now=NOW),
    "revise": lambda s, p, r: lifecycle.revise(s, p, r, now=NOW),
    "retire": lambda s, p, r: lifecycle.retire(
        s, p, r, reason="x", active_subscriptions=0, now=NOW
    ),
}


@pytest.fixture(scope="module")
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database)


@pytest.mark.parametrize("way", WAYS)
async def test_a_draft_is_not_known_to_another_department(bureau: Bureau, way: str) -> None:
    drafted = await bureau.draft()
    strangers = [bureau.two.clerk, bureau.two.head]
    strangers.append(caller("X", region=CITY, is_authority=True))
    async with bureau.database.transaction() as session:
        for stranger in strangers:
            with pytest.raises(NotFound):
                await WAYS[way](session, stranger, drafted.resource.id)


@pytest.mark.parametrize("number", [2, 3])
async def test_the_draft_of_a_revision_is_not_known_either(bureau: Bureau, number: int) -> None:
    resource_id = (await bureau.published()).resource.id
    async with bureau.database.transaction() as session:
        await lifecycle.revise(session, bureau.one.clerk, resource_id, now=NOW)
    async with bureau.database.reading() as session:
        with pytest.raises(NotFound):
            await versions.shown(session, bureau.two.clerk, resource_id, number)
        found = await versions.listed(session, bureau.two.clerk, resource_id)
        assert [shown.version.number for shown in found] == [1]
        with pytest.raises(NotFound):
            await versions.history(session, bureau.two.clerk, resource_id)


async def seen(bureau: Bureau, principal: Principal, **criteria: object) -> dict[str, str]:
    wanted = Criteria(element=bureau.lent, **criteria)  # type: ignore[arg-type]
    async with bureau.database.reading() as session:
        found = await search.find(session, principal, wanted, PageRequest(200))
    assert sum(found.facets.counts["status"].values()) == len(found.page.items)
    return {shown.resource.id: shown.status for shown in found.page.items}


async def test_each_finds_what_it_may_know(database: Database) -> None:
    bureau = await open_bureau(database)
    draft = (await bureau.draft()).resource.id
    published = (await bureau.published()).resource.id
    theirs = (await bureau.draft(office=bureau.two)).resource.id
    assert await seen(bureau, bureau.one.clerk) == {draft: "draft", published: "published"}
    assert await seen(bureau, bureau.two.clerk) == {published: "published", theirs: "draft"}
    assert await seen(bureau, bureau.authority) == {
        draft: "draft",
        published: "published",
        theirs: "draft",
    }
    assert await seen(bureau, bureau.two.clerk, status=State.DRAFT) == {theirs: "draft"}


async def test_a_revision_in_work_shows_each_the_version_it_may_know(database: Database) -> None:
    bureau = await open_bureau(database)
    resource_id = (await bureau.published()).resource.id
    async with bureau.database.transaction() as session:
        await lifecycle.revise(session, bureau.one.clerk, resource_id, now=NOW)
    assert await seen(bureau, bureau.one.clerk) == {resource_id: "draft"}
    assert await seen(bureau, bureau.two.clerk) == {resource_id: "published"}
    for principal in (bureau.one.clerk, bureau.two.clerk, bureau.authority):
        found = await seen(bureau, principal, status=State.PUBLISHED)
        assert found == {resource_id: "published"}
