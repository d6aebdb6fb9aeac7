"""Mergers and moves of departments, planned and carried out, on the real database.

Their days are far from today: the session's worker must not carry out what a test does itself.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from auth import departments
from auth.principal import Role
from auth.tables import Client, Person
from catalog import resources, sources, versions
from catalog.states import Decision
from exchange.stewardship import carrying, planning
from exchange.stewardship.planning import Change, DepartmentChange
from kernel.database import Database
from kernel.errors import Conflict, IllegalTransition, Invalid, ShuyuanError
from kernel.paging import PageRequest
from tests.support.catalog import Bureau, Office, add_office, caller, open_bureau
from tests.support.registry import OPERATOR, Registry

DAY = date(2090, 3, 1)
NOW = datetime(2090, 3, 1, 4, 0, tzinfo=UTC)
BASIS = "桂发〔2018〕21号 自治区机构改革方案"


@pytest.fixture
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database)


async def office(database: Database, region: str = "450000") -> Office:
    async with database.transaction() as session:
        return await add_office(session, region)


async def plan(database: Database, change: Change, *, now: datetime = NOW) -> DepartmentChange:
    async with database.transaction() as session:
        return await planning.plan(session, OPERATOR, change, now=now)


def merger(one: Office, other: Office, on: date = DAY) -> Change:
    return Change(one.uscc, on, BASIS, successor=other.uscc)


async def carry_all(database: Database, now: datetime = NOW) -> None:
    """Do the worker's work until there is none."""
    while True:
        async with database.transaction() as session:
            if not await carrying.carry_due(session, now):
                return


async def status_of(database: Database, uscc: str) -> tuple[str, str | None]:
    async with database.reading() as session:
        department = await departments.load(session, uscc)
        return department.status, department.successor


async def changes_of(database: Database, uscc: str) -> Sequence[DepartmentChange]:
    async with database.reading() as session:
        return (await planning.page(session, uscc, PageRequest(200))).items


async def test_what_cannot_be_planned_is_refused(bureau: Bureau) -> None:
    database, one, two = bureau.database, bureau.one, bureau.two
    for refused, error in (
        (Change(one.uscc, DAY, BASIS, successor=one.uscc), Conflict),
        (Change(one.uscc, DAY - timedelta(days=1), BASIS, successor=two.uscc), Invalid),
        (Change(one.uscc, DAY, BASIS, successor="nobody"), Invalid),
        (Change(one.uscc, DAY, BASIS, region_code="450127"), Invalid),
    ):
        with pytest.raises(error):
            await plan(database, refused)
    gone = await office(database)
    await plan(database, merger(gone, two))
    await carry_all(database)
    for refused in (merger(one, gone), merger(gone, one)):
        with pytest.raises(Conflict):
            await plan(database, refused)


async def test_a_department_that_moves_already_is_neither_merged_nor_merged_into(
    bureau: Bureau,
) -> None:
    database, one, two = bureau.database, bureau.one, bureau.two
    three = await office(database)
    planned = await plan(database, merger(one, two))
    # The last would close the circle.
    for refused in (merger(one, three), merger(three, one), merger(two, one)):
        with pytest.raises(Conflict):
            await plan(database, refused)
    async with database.transaction() as session:
        await planning.cancel(session, OPERATOR, one.uscc, planned.id, reason="缓行", now=NOW)
    with pytest.raises(IllegalTransition):
        async with database.transaction() as session:
            await planning.cancel(session, OPERATOR, one.uscc, planned.id, reason="", now=NOW)
    again = await plan(database, merger(two, one))
    async with database.transaction() as session:
        await planning.cancel(session, OPERATOR, two.uscc, again.id, reason="缓行", now=NOW)


async def winners(database: Database, crowd: Sequence[Change]) -> list[Change]:
    """Plan all of them at once, and return those that were planned."""

    async def attempt(change: Change) -> Change | None:
        try:
            await plan(database, change)
        except Conflict:
            return None
        return change

    planned = await asyncio.gather(*map(attempt, crowd))
    return [change for change in planned if change is not None]


async def test_of_mergers_of_one_department_at_once_one_wins(bureau: Bureau) -> None:
    database, one = bureau.database, bureau.one
    others = [bureau.two, *[await office(database) for _ in range(5)]]
    assert len(await winners(database, [merger(one, other) for other in others] * 3)) == 1
    await carry_all(database)


async def test_of_mergers_into_each_other_at_once_one_wins(bureau: Bureau) -> None:
    """Both together would be a circle, of which nobody is the heir."""
    database, one, two = bureau.database, bureau.one, bureau.two
    assert len(await winners(database, [merger(one, two), merger(two, one)] * 10)) == 1
    await carry_all(database)


async def test_a_successor_may_be_merged_itself(bureau: Bureau) -> None:
    """Planned after what leads into it: that goes to where it went, whichever is done first."""
    database, one, two = bureau.database, bureau.one, bureau.two
    three = await office(database)
    await plan(database, merger(two, one))
    await plan(database, merger(one, three))
    await carry_all(database)
    assert await status_of(database, one.uscc) == ("abolished", three.uscc)
    status, successor = await status_of(database, two.uscc)
    assert status == "abolished"
    assert successor in {one.uscc, three.uscc}


async def test_two_workers_carry_a_change_out_once(bureau: Bureau) -> None:
    database = bureau.database
    await plan(database, merger(bureau.one, bureau.two))
    await asyncio.gather(*(carry_all(database) for _ in range(4)))
    (done,) = await changes_of(database, bureau.one.uscc)
    assert (done.status, done.successor) == ("done", bureau.two.uscc)
    assert await status_of(database, bureau.one.uscc) == ("abolished", bureau.two.uscc)


class _KilledError(Exception):
    """The worker dies here."""


async def test_a_worker_that_dies_in_the_middle_has_changed_nothing(bureau: Bureau) -> None:
    database = bureau.database
    drafted = await bureau.draft()
    await plan(database, merger(bureau.one, bureau.two))

    async def killed() -> None:
        async with database.transaction() as session:
            assert await carrying.carry_due(session, NOW)
            raise _KilledError

    with pytest.raises(_KilledError):
        await killed()
    assert await status_of(database, bureau.one.uscc) == ("active", None)
    async with database.reading() as session:
        shown = await resources.get(session, bureau.one.clerk, drafted.resource.id)
        assert shown.resource.department == bureau.one.uscc
    await carry_all(database)
    assert await status_of(database, bureau.one.uscc) == ("abolished", bureau.two.uscc)


async def test_a_dry_run_tells_what_the_merger_then_does(bureau: Bureau) -> None:
    database, one, two = bureau.database, bureau.one, bureau.two
    entry = (await bureau.draft()).resource.id
    both, mine, claimed = [await bureau.element_without_source(max_length=18) for _ in range(3)]
    for element in (both, mine):
        await bureau.decide(await bureau.claim(one, element=element), Decision.DESIGNATE)
    # The successor is the source of the same element in the city only: both stay.
    city = await bureau.claim(two, "450100", element=mine)
    await bureau.decide(city, Decision.DESIGNATE)
    await bureau.claim(one, "450200", element=both)
    active = await bureau.claim(two, "450200", element=both)
    await bureau.decide(active, Decision.REPLACE)
    await bureau.claim(one, element=claimed)
    moot = await bureau.claim(two, element=claimed)

    async with database.transaction() as session:
        effects = await planning.dry_run(session, OPERATOR, merger(one, two), now=NOW)
    told = effects.told()
    assert told["entries"] == {"count": 1, "items": [entry]}
    assert (told["sources"]["count"], told["sources_ended"]["count"]) == (2, 0)
    assert (told["claims"]["count"], told["claims_ended"]["count"]) == (0, 2)
    assert await status_of(database, one.uscc) == ("active", None)

    await plan(database, merger(one, two))
    await carry_all(database)
    (done,) = await changes_of(database, one.uscc)
    assert done.outcome == told
    async with database.reading() as session:
        for element in (both, mine):
            source = await sources.source_of(session, element, "450000")
            assert source is not None
            assert source.department == two.uscc
        assert (await sources.get(session, moot)).status == "claimed"


async def test_two_active_sources_of_one_region_become_the_successors(bureau: Bureau) -> None:
    """Of old data under an ended code there may be two: the region keeps one (P1)."""
    database = bureau.database
    one, two = await office(database, "450181"), await office(database, "450000")
    await bureau.decide(await bureau.claim(one, "450181"), Decision.DESIGNATE)
    above = await bureau.claim(two, "450000")
    await bureau.decide(above, Decision.DESIGNATE)
    # The successor sits in another county: what is of 横州 goes there, where it is the source.
    county = await office(database, "450126")
    stays = await bureau.claim(county, "450126")
    await bureau.decide(stays, Decision.DESIGNATE)
    await plan(database, merger(one, county))
    await carry_all(database)
    async with database.reading() as session:
        source = await sources.source_of(session, bureau.element, "450126")
        assert source is not None
        assert source.id == stays
        left = await sources.source_of(session, bureau.element, "450181")
        assert left is not None
        assert left.id == above


async def test_a_merged_department_is_known_by_its_successor_and_stays_abolished(
    bureau: Bureau,
) -> None:
    database, one, two = bureau.database, bureau.one, bureau.two
    registry = Registry(database)
    person = await registry.person(one.uscc, Role.CLERK)
    client = (await registry.client(one.uscc)).client
    await plan(database, merger(one, two))
    await carry_all(database)
    async with database.reading() as session:
        for known in (
            await session.get(Person, person.id),
            await session.get(Client, client.client_id),
        ):
            assert known is not None
            assert (known.department, known.generation) == (two.uscc, 1)
    with pytest.raises(Conflict):
        async with database.transaction() as session:
            await departments.change(
                session, OPERATOR, one.uscc, None, {"status": "active"}, now=NOW
            )


async def test_what_was_written_meanwhile_is_brought_after(bureau: Bureau) -> None:
    database, one, two = bureau.database, bureau.one, bureau.two
    await plan(database, merger(one, two))
    await carry_all(database)
    # Admitted as somebody of the old department, committed after the merger.
    late = (await bureau.draft()).resource.id
    async with database.transaction() as session:
        await carrying.sweep(session, NOW + timedelta(minutes=2))
    async with database.reading() as session:
        shown = await resources.get(session, two.clerk, late)
        assert shown.resource.department == two.uscc


async def test_a_successor_that_was_merged_meanwhile_passes_everything_on(bureau: Bureau) -> None:
    database, one, two = bureau.database, bureau.one, bureau.two
    three = await office(database)
    await plan(database, merger(one, two, DAY + timedelta(days=30)))
    await plan(database, merger(two, three))
    await carry_all(database)
    await carry_all(database, NOW + timedelta(days=30))
    assert await status_of(database, one.uscc) == ("abolished", three.uscc)


async def test_a_merger_whose_successor_was_abolished_fails_and_says_so(bureau: Bureau) -> None:
    database, one, two = bureau.database, bureau.one, bureau.two
    await plan(database, merger(one, two))
    async with database.transaction() as session:
        await departments.change(
            session, OPERATOR, two.uscc, None, {"status": "abolished"}, now=NOW
        )
    await carry_all(database)
    (failed,) = await changes_of(database, one.uscc)
    assert failed.status == "failed"
    assert "abolished" in str(failed.problem)
    assert await status_of(database, one.uscc) == ("active", None)


async def test_a_department_moves_with_what_lies_outside_its_new_division(
    database: Database,
) -> None:
    bureau = await open_bureau(database, ("450100", "450000"))
    one = bureau.one
    inside = (await bureau.draft(region_code="450103")).resource.id
    outside = (await bureau.draft(region_code="450100")).resource.id
    source = await bureau.claim(one, "450100")
    await bureau.decide(source, Decision.DESIGNATE)
    await plan(database, Change(one.uscc, DAY, BASIS, region_code="450103"))
    await carry_all(database)
    async with database.reading() as session:
        department = await departments.load(session, one.uscc)
        assert (department.region_code, department.status) == ("450103", "active")
        moved = await sources.get(session, source)
        assert (moved.region_code, moved.status) == ("450103", "active")
        reviewer = caller("authority", Role.AUTHORITY, region="450103", is_authority=True)
        for resource_id in (inside, outside):
            shown = await versions.shown(session, reviewer, resource_id)
            assert shown.resource.region_code == "450103"


async def test_only_the_operator_of_both_divisions_plans(bureau: Bureau) -> None:
    change = merger(bureau.one, bureau.two)
    below = caller("city", Role.OPERATOR, region="450100")
    for principal in (caller("here", Role.SECURITY), below):
        with pytest.raises(ShuyuanError) as refused:
            async with bureau.database.transaction() as session:
                await planning.plan(session, principal, change, now=NOW)
        assert refused.value.code in ("role_required", "not_your_department")
