"""Who is the source of an element in a region (promise P1), on the real database."""

from typing import Any

import pytest
from sqlalchemy import text

from auth.errors import NotYourDepartment, RoleRequired
from auth.principal import Role
from catalog import sources
from catalog.errors import ClaimExists, SourceExists
from catalog.states import Decision, SourceStatus
from kernel.database import Database
from kernel.errors import IllegalTransition, NotFound
from kernel.paging import PageRequest
from tests.support.catalog import CITY, NOW, PROVINCE, Bureau, caller, open_bureau

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
    for decision in Decision:
        with pytest.raises(IllegalTransition):
            await bureau.decide(claim, decision)


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
