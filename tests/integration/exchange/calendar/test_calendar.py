"""A corrected year moves open deadlines, visibly, and every process counts by it (P7)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from kernel.workdays import NOTICE_UNTIL_YEAR
from tests.support.eventually import eventually
from tests.support.world import Department, World, unique

Json = dict[str, Any]
# Nothing is due in them: who changes them disturbs no other story.
FAR, FARTHER = 2096, 2097


@pytest.fixture
async def consumer(world: World) -> Department:
    return await world.department()


async def put(world: World, year: int, days: list[Json], tag: str = "*") -> Json:
    body = {"days": days, "basis": unique("国办发明电")}
    path = f"/v1/calendar/{year}"
    changed: Json = await world.authority.ask("PUT", path, body, headers={"If-Match": tag})
    return changed


@pytest.fixture
async def corrected(world: World) -> AsyncIterator[list[int]]:
    """Years that a story corrects, to be as they were when it ends."""
    years: list[int] = []
    yield years
    for year in years:
        await put(world, year, [])


async def waiting(world: World, consumer: Department) -> Json:
    """An application for conditional data whose reply is due in ten working days."""
    provider, client = await asyncio.gather(world.department(), world.client(consumer))
    resource = await world.resource(
        provider,
        share_type="conditional",
        share_conditions="业务需要",
        share_scope="各部门",
        share_purposes="核验",
    )
    application = await world.application(resource, consumer, client)
    signed: Json = await consumer.head.ask("POST", f"/v1/applications/{application}/sign")
    return signed


async def decided(world: World) -> str:
    """A dispute whose decision may be appealed against for ten working days."""
    sharing = await world.sharing()
    path = f"/v1/subscriptions/{sharing.subscription}/disputes"
    opened: Json = await sharing.provider.head.ask("POST", path, {"claim": "超出约定用途"})
    dispute = f"/v1/disputes/{opened['id']}"
    ruling = {"decision": "upheld", "reason": "事实清楚"}
    await world.authority.ask("POST", f"{dispute}/decide", ruling)
    return dispute


async def test_open_deadlines_move_with_a_corrected_year(
    world: World, consumer: Department, corrected: list[int]
) -> None:
    """The last day becomes a day off: the reply is due a working day later, and told to be."""
    application, dispute = await asyncio.gather(waiting(world, consumer), decided(world))
    before = (await world.authority.ask("GET", dispute))["appeal_until"]
    last = date.fromisoformat(application["due_on"])
    corrected.append(last.year)
    body = {"days": [{"date": last.isoformat(), "kind": "rest"}], "basis": "国务院办公厅通知"}
    changed: Json = await world.authority.ask(
        "PUT", f"/v1/calendar/{last.year}", body, headers={"If-Match": "*"}
    )
    assert changed["moved"]["application"] >= 1
    path = f"/v1/applications/{application['id']}"
    shown: Json = await consumer.clerk.ask("GET", path)
    assert date.fromisoformat(shown["due_on"]) > last
    [step] = [each for each in shown["history"] if each["action"] == "reckoned-anew"]
    assert (step["details"]["clock"], step["actor_kind"]) == ("C4", "system")
    told: Json = await world.authority.ask("GET", dispute)
    assert told["appeal_until"] > before
    assert told["history"][-1]["action"] == "reckoned-anew"
    # What begins afterwards, on any worker, is counted by the corrected year.

    async def counted() -> bool:
        later = await waiting(world, consumer)
        return date.fromisoformat(later["due_on"]) == date.fromisoformat(shown["due_on"])

    await eventually(counted)


async def test_a_year_is_added_once_and_changed_by_who_has_read_it(
    world: World, corrected: list[int]
) -> None:
    path = f"/v1/calendar/{FAR}"
    body = {"days": [{"date": f"{FAR}-01-02", "kind": "rest"}], "basis": "国办发明电〔2095〕1号"}
    before: Json = await world.clerk.ask("GET", path)
    assert (before["known"], before["revision"], before["days"]) == (False, 0, [])
    assert before["provisional_from"] == f"{FAR}-01-01"
    corrected.append(FAR)
    added = await world.authority.put(path, body)
    assert (added.status_code, added.headers["ETag"]) == (200, '"1"')
    kinds = {"application", "subscription", "resource", "dispute", "correction"}
    assert set(added.json()["moved"]) == kinds
    assert added.json()["known"]
    assert (await world.authority.put(path, body)).status_code == 428
    tries = (world.authority.put(path, body, headers={"If-Match": '"1"'}) for _ in range(5))
    answers = await asyncio.gather(*tries)
    assert sorted(each.status_code for each in answers) == [200, 412, 412, 412, 412]
    shown: Json = await world.clerk.ask("GET", path)
    assert (shown["revision"], shown["days"]) == (2, body["days"])


async def test_a_year_whose_notice_is_to_come_is_provisional(world: World) -> None:
    shown: Json = await world.clerk.ask("GET", f"/v1/calendar/{NOTICE_UNTIL_YEAR}")
    assert shown["known"]
    assert shown["provisional_from"] == f"{NOTICE_UNTIL_YEAR}-12-26"


async def test_days_are_of_the_year_and_named_once(world: World) -> None:
    days = [
        {"date": f"{FAR}-01-02", "kind": "rest"},
        {"date": f"{FARTHER}-01-02", "kind": "rest"},
        {"date": f"{FARTHER}-01-02", "kind": "work"},
    ]
    refused = await world.authority.put(f"/v1/calendar/{FARTHER}", {"days": days, "basis": "通知"})
    assert refused.status_code == 422
    assert [(error["path"], error["code"]) for error in refused.json()["errors"]] == [
        ("days[0].date", "out_of_range"),
        ("days[1].date", "duplicate"),
        ("days[2].date", "duplicate"),
    ]


async def test_only_the_regions_authority_changes_the_calendar(
    world: World, consumer: Department
) -> None:
    city = await world.department("450100", authority=True)
    body = {"days": [], "basis": "通知"}
    for who, code in (
        (consumer.head, "role_required"),
        (consumer.authority, "not_your_department"),
        (city.authority, "not_your_department"),
    ):
        answer = await who.put(f"/v1/calendar/{FARTHER}", body)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
