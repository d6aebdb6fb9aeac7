"""Divisions that ended: refused with their successor in requests, read as it in what is stored."""

import asyncio

import pytest
from sqlalchemy import text

from auth.principal import Role
from catalog import lifecycle, resources, sources, versions
from catalog.errors import SourceExists
from catalog.states import Decision
from kernel.database import Database
from kernel.errors import FieldError, Invalid
from tests.support.catalog import NOW, Bureau, caller, entry, open_bureau
from tests.support.world import World

# 横县 (450127) became 横州市 (450181) in 2021.
ENDED, SUCCESSOR = "450127", "450181"


@pytest.fixture
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database, (SUCCESSOR, SUCCESSOR))


SOURCE = "UPDATE catalog.source SET region_code = :code WHERE id = :id"
RESOURCE = "UPDATE catalog.resource SET region_code = :code WHERE id = :id"
VERSION = "UPDATE catalog.resource_version SET region_code = :code WHERE resource_id = :id"


async def _store_as_before(bureau: Bureau, update: str, thing_id: str) -> None:
    """Let a row stand in the ended division, as one of before 2021."""
    async with bureau.database.transaction() as session:
        await session.execute(text(update).bindparams(code=ENDED, id=thing_id))


def _refusal(refused: pytest.ExceptionInfo[Invalid]) -> FieldError:
    (error,) = (each for each in refused.value.errors if each.path == "region_code")
    return error


async def test_a_request_that_names_an_ended_division_is_told_its_successor(
    bureau: Bureau,
) -> None:
    with pytest.raises(Invalid) as refused:
        await bureau.draft(region_code=ENDED)
    assert _refusal(refused).allowed == (SUCCESSOR,)
    with pytest.raises(Invalid) as refused:
        await bureau.claim(bureau.one, ENDED)
    assert _refusal(refused).allowed == (SUCCESSOR,)


async def test_a_source_of_the_ended_division_is_that_of_its_successor(bureau: Bureau) -> None:
    first = await bureau.claim(bureau.one, SUCCESSOR)
    await _store_as_before(bureau, SOURCE, first)
    await bureau.decide(first, Decision.DESIGNATE)
    async with bureau.database.reading() as session:
        source = await sources.source_of(session, bureau.element, f"{SUCCESSOR}100")
        assert source is not None
        assert source.id == first
    second = await bureau.claim(bureau.two, SUCCESSOR)
    with pytest.raises(SourceExists):
        await bureau.decide(second, Decision.DESIGNATE)
    await bureau.decide(second, Decision.REPLACE)
    async with bureau.database.reading() as session:
        assert (await sources.get(session, first)).status == "replaced"


async def test_an_entry_of_the_ended_division_is_revised_under_its_successor(
    bureau: Bureau,
) -> None:
    drafted = await bureau.draft(region_code=SUCCESSOR)
    published = await bureau.put_in_force(drafted.resource.id)
    resource_id = published.resource.id
    await _store_as_before(bureau, RESOURCE, resource_id)
    await _store_as_before(bureau, VERSION, resource_id)
    reviewer = caller("authority", Role.AUTHORITY, region=SUCCESSOR, is_authority=True)
    async with bureau.database.reading() as session:
        assert await versions.history(session, reviewer, resource_id)
    async with bureau.database.transaction() as session:
        revised = await lifecycle.revise(session, bureau.one.clerk, resource_id, now=NOW)
    changed = entry(bureau.key(), region_code=SUCCESSOR)
    async with bureau.database.transaction() as session:
        shown = await resources.change(
            session,
            bureau.one.clerk,
            resource_id,
            changed,
            revision=revised.resource.revision,
            now=NOW,
        )
    assert shown.resource.region_code == SUCCESSOR


async def test_queries_and_registrations_name_the_successor(world: World) -> None:
    uscc = (await world.department(SUCCESSOR)).uscc
    for path in ("/v1/departments", "/v1/resources", "/v1/sources"):
        answer = await world.operator.get(f"{path}?region_code={ENDED}")
        assert answer.status_code == 400, path
        (error,) = answer.json()["errors"]
        assert (error["path"], error["allowed"]) == ("region_code", [SUCCESSOR])
        assert "横州市" in error["message"]
    found = await world.operator.ask("GET", f"/v1/departments?region_code={SUCCESSOR}000000")
    assert uscc in {each["uscc"] for each in found["items"]}
    moved = await world.operator.patch(
        f"/v1/departments/{uscc}", {"region_code": ENDED}, headers={"If-Match": "*"}
    )
    assert moved.status_code == 422
    assert moved.json()["errors"][0]["allowed"] == [SUCCESSOR]


async def test_the_register_of_divisions_can_be_read(world: World) -> None:
    cities, ended, township, state, missing = await asyncio.gather(
        world.clerk.ask("GET", "/v1/regions?parent=450000&level=city&status=in_force"),
        world.clerk.ask("GET", f"/v1/regions/{ENDED}"),
        world.clerk.ask("GET", "/v1/regions/450103001000"),
        world.clerk.ask("GET", "/v1/regions/100000"),
        world.clerk.get("/v1/regions/450199"),
    )
    assert len(cities["items"]) == 14
    assert cities["next_cursor"] is None
    assert (ended["status"], ended["valid_to"], ended["successors"]) == (
        "ended",
        2021,
        [SUCCESSOR],
    )
    assert (township["code"], township["parent_code"]) == ("450103001", "450103")
    assert (state["name"], state["parent_code"]) == ("国家", None)
    assert missing.status_code == 404


async def test_the_states_departments_are_registered_by_the_regions_administrators(
    world: World,
) -> None:
    """Their entries are reviewed by an authority department of the state alone."""
    ministry, authority = await asyncio.gather(
        world.department("100000"), world.department("100000", authority=True)
    )
    element = await world.element()
    claim = await world.source(ministry, element, designate=False)
    await authority.authority.ask("POST", f"/v1/sources/{claim}/designate")
    key = {"name": "id", "key": True, "element": element, "role": "source"}
    resource_id = await world.resource(ministry, [key], publish=False)
    path = f"/v1/resources/{resource_id}"
    signed = {"leader_name": "黄某", "signed_on": "2026-01-06"}
    await ministry.head.ask("POST", f"{path}/submit", signed)
    by_region = await world.authority.post(f"{path}/approve")
    assert by_region.status_code == 404
    await authority.authority.ask("POST", f"{path}/approve")
    shown = await authority.authority.ask("POST", f"{path}/publish")
    assert shown["status"] == "published"
