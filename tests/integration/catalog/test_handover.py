"""What is said of entries, and how they are found, after their department moved or was merged."""

import asyncio
from collections.abc import Collection

import pytest
from sqlmodel import col, update

from auth.errors import NotYourDepartment
from auth.principal import Role
from catalog import handover, lifecycle, resources, search, versions
from catalog.handover import Seat
from catalog.search import Criteria
from catalog.states import State
from catalog.tables import ResourceVersion
from catalog.visibility import Shown
from kernel.actor import SYSTEM
from kernel.database import Database
from kernel.errors import Stale
from kernel.paging import PageRequest
from tests.support.catalog import NOW, Bureau, caller, entry, open_bureau

OLD, NEW = "450100", "450200"


@pytest.fixture
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database, (OLD, OLD))


async def _hand_over(bureau: Bureau, seat: Seat) -> None:
    async with bureau.database.transaction() as session:
        await handover.carry_out(session, SYSTEM, bureau.one.uscc, seat, now=NOW)


async def _found(bureau: Bureau, **criteria: str) -> Collection[str]:
    wanted = Criteria(element=bureau.lent, **criteria)  # type: ignore[arg-type]
    async with bureau.database.reading() as session:
        found = await search.find(session, bureau.two.head, wanted, PageRequest(20))
    return [shown.resource.id for shown in found.page.items]


async def _shown(bureau: Bureau, resource_id: str, number: int | None = None) -> Shown:
    moved = caller(bureau.one.uscc, Role.CLERK, region=NEW)
    async with bureau.database.reading() as session:
        return await versions.shown(session, moved, resource_id, number)


async def test_a_moved_entry_says_the_division_that_search_and_permission_use(
    bureau: Bureau,
) -> None:
    """Its page showed the old division, and a clerk could not send back the draft that it read."""
    first = await bureau.published(region_code=OLD)
    resource_id = first.resource.id
    for turn in range(2):
        async with bureau.database.transaction() as session:
            await lifecycle.revise(session, bureau.one.clerk, resource_id, now=NOW)
        if turn == 0:
            await bureau.put_in_force(resource_id)
    await _hand_over(bureau, Seat(bureau.one.uscc, NEW))

    shown = await _shown(bureau, resource_id)
    assert (shown.version.number, shown.version.region_code) == (3, NEW)
    assert (await _shown(bureau, resource_id, 2)).version.region_code == NEW
    # What is history says what it said.
    assert (await _shown(bureau, resource_id, 1)).version.region_code == OLD
    assert await _found(bureau, region_code=NEW) == [resource_id]
    assert await _found(bureau, region_code=OLD) == []
    again = entry(bureau.key(), region_code=shown.version.region_code)
    async with bureau.database.transaction() as session:
        moved = caller(bureau.one.uscc, Role.CLERK, region=NEW)
        await resources.change(session, moved, resource_id, again, revision=None, now=NOW)


async def test_an_entry_is_found_with_the_successor_in_each_of_its_versions(bureau: Bureau) -> None:
    first = await bureau.published(region_code=OLD)
    async with bureau.database.transaction() as session:
        await lifecycle.revise(session, bureau.one.clerk, first.resource.id, now=NOW)
    await bureau.put_in_force(first.resource.id)
    await _hand_over(bureau, Seat(bureau.two.uscc, OLD))
    assert await _found(bureau, department=bureau.one.uscc) == []
    for status in (State.PUBLISHED, State.SUPERSEDED):
        found = await _found(bureau, department=bureau.two.uscc, status=status)
        assert found == [first.resource.id]


async def test_what_a_gateway_of_the_release_before_has_drafted_is_found_once_it_is_published(
    bureau: Bureau,
) -> None:
    """It writes no scopes: the column has a default for it."""
    draft = await bureau.draft(region_code=OLD)
    async with bureau.database.transaction() as session:
        without = update(ResourceVersion).where(
            col(ResourceVersion.resource_id) == draft.resource.id
        )
        await session.exec(without.values(search_scopes=[]))
    await bureau.put_in_force(draft.resource.id)
    assert await _found(bureau, region_code=OLD, class_code="101") == [draft.resource.id]


async def test_who_rewrites_a_draft_while_it_is_handed_over_does_not_hide_it(
    bureau: Bureau,
) -> None:
    """One of both is first; the marks are of whoever holds the entry in the end."""
    draft = await bureau.draft(region_code=OLD)
    new = entry(bureau.key(), region_code=OLD, class_code="307")

    async def rewrite() -> None:
        async with bureau.database.transaction() as session:
            await resources.change(
                session, bureau.one.clerk, draft.resource.id, new, revision=None, now=NOW
            )

    seat = Seat(bureau.two.uscc, OLD)
    outcomes = await asyncio.gather(rewrite(), _hand_over(bureau, seat), return_exceptions=True)
    assert outcomes[1] is None
    assert outcomes[0] is None or isinstance(outcomes[0], Stale | NotYourDepartment)
    assert await _found(bureau, department=bureau.two.uscc, status=State.DRAFT) == [
        draft.resource.id
    ]
    assert await _found(bureau, department=bureau.one.uscc) == []
