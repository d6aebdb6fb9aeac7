"""Who is the source of an element in a region (promise P1), on the real database."""

from typing import Any

import pytest
from sqlalchemy import text

from auth.errors import NotYourDepartment, RoleRequired
from auth.principal import Principal, Role
from catalog import handover, sources
from catalog.errors import ClaimExists, DepartmentAbolished, SourceExists
from catalog.handover import Seat
from catalog.states import Decision, SourceStatus
from exchange.stewardship import succession
from kernel.actor import SYSTEM
from kernel.database import Database
from kernel.errors import IllegalTransition, NotFound
from kernel.paging import PageRequest
from tests.support.catalog import CITY, NOW, PROVINCE, Bureau, caller, open_bureau
from tests.support.registry import OPERATOR

COUNTY = "450103"


@pytest.fixture
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database)


async def statuses(bureau: Bureau, element: str = "") -> dict[str, str]:
    async with bureau.database.reading() as session:
        page = await sources.find(session, element or bureau.element, PageRequest(200))
        return {source.id: source.status for source in page.items}


async def source_department(bureau: Bureau, region: str) -> str | None:
    async with bureau.database.reading() as session:
        found = await sources.source_of(session, bureau.element, region)
        return None if found is None else found.department


async def test_the_first_claim_is_claimed_and_the_second_contested(bureau: Bureau) -> None:
    first = await bureau.claim(bureau.one)
    second = await bureau.claim(bureau.two)
    assert await statuses(bureau) == {first: "claimed", second: "contested"}


async def test_a_claim_against_an_active_source_is_contested(bureau: Bureau) -> None:
    first = await bureau.claim(bureau.one)
    await bureau.decide(first, Decision.DESIGNATE)
    second = await bureau.claim(bureau.two)
    assert await statuses(bureau) == {first: "active", second: "contested"}


async def test_a_claim_after_a_rejected_one_is_claimed(bureau: Bureau) -> None:
    first = await bureau.claim(bureau.one)
    await bureau.decide(first, Decision.REJECT)
    second = await bureau.claim(bureau.one)
    assert await statuses(bureau) == {first: "rejected", second: "claimed"}


async def test_a_department_claims_once(bureau: Bureau) -> None:
    await bureau.claim(bureau.one)
    with pytest.raises(ClaimExists):
        await bureau.claim(bureau.one, "450000000000")


async def test_regions_do_not_contest_each_other(bureau: Bureau) -> None:
    first = await bureau.claim(bureau.one)
    second = await bureau.claim(bureau.two, CITY)
    assert await statuses(bureau) == {first: "claimed", second: "claimed"}


async def test_designating_beside_an_active_source_is_a_conflict(bureau: Bureau) -> None:
    first, second = await bureau.claim(bureau.one), await bureau.claim(bureau.two)
    await bureau.decide(first, Decision.DESIGNATE)
    with pytest.raises(SourceExists):
        await bureau.decide(second, Decision.DESIGNATE)
    assert await statuses(bureau) == {first: "active", second: "contested"}


async def test_replace_ends_the_active_source_at_the_same_moment(bureau: Bureau) -> None:
    first, second = await bureau.claim(bureau.one), await bureau.claim(bureau.two)
    await bureau.decide(first, Decision.DESIGNATE)
    assert await bureau.decide(second, Decision.REPLACE) == SourceStatus.ACTIVE
    assert await statuses(bureau) == {first: "replaced", second: "active"}
    assert await source_department(bureau, PROVINCE) == bureau.two.uscc


async def test_replace_without_an_active_source_designates(bureau: Bureau) -> None:
    claim = await bureau.claim(bureau.one)
    assert await bureau.decide(claim, Decision.REPLACE) == SourceStatus.ACTIVE


async def test_a_decision_stands(bureau: Bureau) -> None:
    claim = await bureau.claim(bureau.one)
    await bureau.decide(claim, Decision.DESIGNATE)
    for decision in set(Decision) - {Decision.END, Decision.WITHDRAW}:
        with pytest.raises(IllegalTransition):
            await bureau.decide(claim, decision)


async def withdraw(bureau: Bureau, claim: str, head: Principal) -> None:
    async with bureau.database.transaction() as session:
        await sources.decide(session, head, claim, Decision.WITHDRAW, reason="职责调整", now=NOW)


async def test_a_claim_is_taken_back_by_its_department_alone(bureau: Bureau) -> None:
    """A claim once made could not be taken back (G5)."""
    claim = await bureau.claim(bureau.one)
    with pytest.raises(NotYourDepartment):
        await withdraw(bureau, claim, bureau.two.head)
    with pytest.raises(RoleRequired):
        await withdraw(bureau, claim, bureau.one.clerk)
    await withdraw(bureau, claim, bureau.one.head)
    assert await statuses(bureau) == {claim: "withdrawn"}
    with pytest.raises(IllegalTransition):
        await bureau.decide(claim, Decision.DESIGNATE)
    assert await bureau.claim(bureau.one) != claim


async def test_a_contest_that_falls_to_one_claim_leaves_it_claimed(bureau: Bureau) -> None:
    first, second = await bureau.claim(bureau.one), await bureau.claim(bureau.two)
    await withdraw(bureau, first, bureau.one.head)
    assert await statuses(bureau) == {first: "withdrawn", second: "claimed"}


async def test_a_claim_beside_a_source_that_ends_is_no_longer_contested(bureau: Bureau) -> None:
    first = await bureau.claim(bureau.one)
    await bureau.decide(first, Decision.DESIGNATE)
    second = await bureau.claim(bureau.two)
    assert await bureau.decide(first, Decision.END) == SourceStatus.ENDED
    assert await statuses(bureau) == {first: "ended", second: "claimed"}


async def test_a_claim_that_goes_to_another_division_leaves_the_other_one_uncontested(
    bureau: Bureau,
) -> None:
    first, second = await bureau.claim(bureau.one, CITY), await bureau.claim(bureau.two, CITY)
    assert await statuses(bureau) == {first: "claimed", second: "contested"}
    seat = Seat(bureau.one.uscc, "450200")
    async with bureau.database.transaction() as session:
        await handover.carry_out(session, SYSTEM, bureau.one.uscc, seat, now=NOW)
    assert await statuses(bureau) == {first: "claimed", second: "claimed"}


async def test_a_region_whose_source_ends_has_its_ancestors_again(bureau: Bureau) -> None:
    await bureau.decide(await bureau.claim(bureau.one), Decision.DESIGNATE)
    city = await bureau.claim(bureau.two, CITY)
    await bureau.decide(city, Decision.DESIGNATE)
    await bureau.decide(city, Decision.END)
    assert await source_department(bureau, COUNTY) == bureau.one.uscc


async def test_an_abolished_department_loses_claims_and_sources(bureau: Bureau) -> None:
    """An abolished department stayed the source, or became it (G5)."""
    source = await bureau.claim(bureau.one)
    await bureau.decide(source, Decision.DESIGNATE)
    open_claim = await bureau.claim(bureau.one, CITY)
    rival = await bureau.claim(bureau.two)
    async with bureau.database.transaction() as session:
        query = text("UPDATE auth.department SET status = 'abolished' WHERE uscc = :uscc")
        await session.execute(query.bindparams(uscc=bureau.one.uscc))
        await succession.follow(
            session, OPERATOR, bureau.one.uscc, "abolished", if_unused=True, now=NOW
        )
    assert await statuses(bureau) == {source: "ended", open_claim: "withdrawn", rival: "claimed"}
    late = await bureau.claim(bureau.one, COUNTY)
    with pytest.raises(DepartmentAbolished):
        await bureau.decide(late, Decision.DESIGNATE)


async def test_sources_are_found_by_status_and_department(bureau: Bureau) -> None:
    """The contested ones could be found by asking for every element in turn (G20)."""
    await bureau.claim(bureau.one)
    contested = await bureau.claim(bureau.two)
    criteria = sources.Criteria(status=SourceStatus.CONTESTED, department=bureau.two.uscc)
    async with bureau.database.reading() as session:
        page = await sources.search(session, criteria, PageRequest(200))
        elsewhere = sources.Criteria(department=bureau.two.uscc, region_code="450200000000")
        none = await sources.search(session, elsewhere, PageRequest(200))
    assert [source.id for source in page.items] == [contested]
    assert none.items == []


async def test_a_region_without_a_source_has_its_nearest_ancestors(bureau: Bureau) -> None:
    province = await bureau.claim(bureau.one)
    await bureau.decide(province, Decision.DESIGNATE)
    assert await source_department(bureau, COUNTY) == bureau.one.uscc
    city = await bureau.claim(bureau.two, CITY)
    assert await source_department(bureau, COUNTY) == bureau.one.uscc
    await bureau.decide(city, Decision.DESIGNATE)
    assert await source_department(bureau, COUNTY) == bureau.two.uscc
    assert await source_department(bureau, f"{COUNTY}001001") == bureau.two.uscc
    assert await source_department(bureau, "450200") == bureau.one.uscc
    assert await source_department(bureau, "440000") is None


async def test_one_division_spelt_twice_has_one_source(bureau: Bureau) -> None:
    first = await bureau.claim(bureau.one, CITY)
    second = await bureau.claim(bureau.two, f"{CITY}000000")
    await bureau.decide(first, Decision.DESIGNATE)
    with pytest.raises(SourceExists):
        await bureau.decide(second, Decision.DESIGNATE)


async def test_nobody_claims_outside_the_own_region(database: Database) -> None:
    bureau = await open_bureau(database, (CITY, PROVINCE))
    for region in (PROVINCE, "450200"):
        with pytest.raises(NotYourDepartment):
            await bureau.claim(bureau.one, region)
    await bureau.claim(bureau.one, COUNTY)


async def test_a_clerk_does_not_claim_and_an_unknown_element_is_not_found(bureau: Bureau) -> None:
    facts: dict[str, Any] = {"region_code": PROVINCE, "legal_basis": "法", "now": NOW}
    async with bureau.database.transaction() as session:
        with pytest.raises(RoleRequired):
            await sources.claim(session, bureau.one.clerk, bureau.element, **facts)
        with pytest.raises(NotFound):
            await sources.claim(session, bureau.one.head, "DE404", **facts)


async def test_only_the_authority_over_the_region_decides(bureau: Bureau) -> None:
    claim = await bureau.claim(bureau.one)
    city_authority = caller("X", Role.AUTHORITY, region=CITY, is_authority=True)
    impostor = caller(bureau.one.uscc, Role.AUTHORITY)
    async with bureau.database.transaction() as session:
        for stranger in (city_authority, impostor):
            with pytest.raises(NotYourDepartment):
                await sources.decide(session, stranger, claim, Decision.DESIGNATE, now=NOW)
        with pytest.raises(RoleRequired):
            await sources.decide(session, bureau.one.head, claim, Decision.DESIGNATE, now=NOW)
    assert await statuses(bureau) == {claim: "claimed"}


async def test_every_decision_leaves_an_audit_event(bureau: Bureau) -> None:
    first, second = await bureau.claim(bureau.one), await bureau.claim(bureau.two)
    await bureau.decide(first, Decision.DESIGNATE)
    await bureau.decide(second, Decision.REPLACE)
    async with bureau.database.reading() as session:
        query = text(
            "SELECT subject_id, event FROM kernel.audit_event"
            " WHERE subject_id IN (:first, :second) ORDER BY at"
        )
        rows = await session.execute(query.bindparams(first=first, second=second))
        assert [tuple(row) for row in rows] == [
            (first, "source.claimed"),
            (second, "source.contested"),
            (first, "source.designated"),
            (first, "source.replaced"),
            (second, "source.designated"),
        ]
