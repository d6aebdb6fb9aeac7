"""C1 and C2: an entry follows what changed, and the authority follows the entry (Art 17)."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from auth.errors import NotYourDepartment, RoleRequired
from auth.principal import Principal
from catalog import change_notices, clocks, lifecycle
from catalog.clocks import Deadline, Kind
from catalog.errors import ChangeNoticed, ResourceNotPublished
from exchange.stewardship import catalogue_clock
from exchange.tasks import inbox
from kernel.database import Database
from kernel.errors import IllegalTransition, Invalid
from kernel.paging import PageRequest
from kernel.terms import last_day
from tests.support.catalog import NOW, Bureau, open_bureau
from tests.support.eventually import eventually
from tests.support.world import World

# A Monday; NOW is the same day.
CHANGED = date(2026, 3, 2)


@pytest.fixture
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database)


async def notice(bureau: Bureau, resource_id: str, **facts: Any) -> None:  # noqa: ANN401
    said = {"occurred_on": CHANGED, "cause": "职责调整", "now": NOW, **facts}
    async with bureau.database.transaction() as session:
        await change_notices.give(session, bureau.one.head, resource_id, **said)


async def extend(bureau: Bureau, resource_id: str, now: datetime = NOW) -> None:
    async with bureau.database.transaction() as session:
        await change_notices.extend(
            session, bureau.one.head, resource_id, reason="涉及多个处室", now=now
        )


async def consent(bureau: Bureau, resource_id: str) -> None:
    async with bureau.database.transaction() as session:
        await change_notices.consent(session, bureau.authority, resource_id, now=NOW)


async def revise(bureau: Bureau, resource_id: str) -> None:
    async with bureau.database.transaction() as session:
        await lifecycle.revise(session, bureau.one.clerk, resource_id, now=NOW)


async def send_back(bureau: Bureau, resource_id: str, now: datetime) -> None:
    async with bureau.database.transaction() as session:
        await lifecycle.send_back(
            session, bureau.authority, resource_id, reason="补充依据", now=now
        )


async def running(bureau: Bureau, resource_id: str) -> dict[str, Deadline]:
    async with bureau.database.reading() as session:
        found = (await clocks.running(session, [resource_id])).get(resource_id, ())
    return {each.kind: each for each in found}


async def due_on(bureau: Bureau, resource_id: str) -> dict[str, str]:
    found = await running(bureau, resource_id)
    return {kind: last_day(each.due_at).isoformat() for kind, each in found.items()}


async def terms(bureau: Bureau, resource_id: str) -> dict[str, str]:
    """Those of Art 17; the year to the next review runs beside them."""
    found = await due_on(bureau, resource_id)
    return {kind: day for kind, day in found.items() if kind != Kind.YEARLY}


async def breaches(bureau: Bureau, resource_id: str) -> Counter[str]:
    query = text(
        "SELECT details ->> 'clock' FROM kernel.audit_event"
        " WHERE subject_id = :id AND event = 'deadline.breached'"
    )
    async with bureau.database.reading() as session:
        return Counter((await session.scalars(query.bindparams(id=resource_id))).all())


async def told(bureau: Bureau, resource_id: str, clock: str) -> None:
    """Wait for a breach: the session's worker may be the one that looks, and not be done."""

    async def is_told() -> bool:
        return clock in await breaches(bureau, resource_id)

    await eventually(is_told)


async def mark(bureau: Bureau, now: datetime) -> None:
    async with bureau.database.transaction() as session:
        await catalogue_clock.mark_entries(session, now)


async def test_a_change_is_followed_within_ten_working_days(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await notice(bureau, resource_id)
    assert await terms(bureau, resource_id) == {"C1": "2026-03-16"}
    await revise(bureau, resource_id)
    await bureau.submit(resource_id)
    assert await terms(bureau, resource_id) == {"C1": "2026-03-16", "C2": "2026-03-04"}
    assert (await running(bureau, resource_id))[Kind.UPDATE].met_at == NOW
    async with bureau.database.transaction() as session:
        await lifecycle.approve(session, bureau.authority, resource_id, now=NOW)
    async with bureau.database.transaction() as session:
        await lifecycle.publish(session, bureau.authority, resource_id, now=NOW)
    assert await terms(bureau, resource_id) == {}


async def test_a_first_review_has_no_term(bureau: Bureau) -> None:
    drafted = await bureau.draft()
    await bureau.submit(drafted.resource.id)
    assert await terms(bureau, drafted.resource.id) == {}


async def test_what_is_returned_leaves_the_days_that_were_left(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await notice(bureau, resource_id)
    await revise(bureau, resource_id)
    await bureau.submit(resource_id)
    # Friday 20 March: after the first due day, and ten working days were left.
    await send_back(bureau, resource_id, datetime(2026, 3, 20, 1, tzinfo=UTC))
    assert await terms(bureau, resource_id) == {"C1": "2026-04-03"}
    assert (await running(bureau, resource_id))[Kind.UPDATE].met_at is None


async def test_the_authority_grants_five_days_once_and_in_time(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await notice(bureau, resource_id)
    with pytest.raises(IllegalTransition):
        await consent(bureau, resource_id)
    with pytest.raises(IllegalTransition):
        await extend(bureau, resource_id, NOW + timedelta(days=30))
    await extend(bureau, resource_id)
    await consent(bureau, resource_id)
    assert await terms(bureau, resource_id) == {"C1": "2026-03-23"}
    for again in (extend, consent):
        with pytest.raises(IllegalTransition):
            await again(bureau, resource_id)


async def test_a_missed_day_is_told_once_whoever_looks(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await notice(bureau, resource_id)
    await revise(bureau, resource_id)
    late = datetime(2026, 3, 17, 1, tzinfo=UTC)
    await asyncio.gather(*(mark(bureau, late) for _ in range(10)))
    await told(bureau, resource_id, "C1")
    assert await breaches(bureau, resource_id) == {"C1": 1}
    await bureau.submit(resource_id)
    await mark(bureau, late)
    await mark(bureau, late)
    await told(bureau, resource_id, "C2")
    assert await breaches(bureau, resource_id) == {"C1": 1, "C2": 1}


async def test_what_was_handed_over_in_time_is_not_late(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await notice(bureau, resource_id)
    await revise(bureau, resource_id)
    await bureau.put_in_force(resource_id)
    await mark(bureau, datetime(2026, 5, 1, tzinfo=UTC))
    assert await breaches(bureau, resource_id) == {}


async def tasks(
    bureau: Bureau, who: Principal, thing: str, now: datetime = NOW
) -> list[tuple[str, str | None]]:
    async with bureau.database.reading() as session:
        page = await inbox.page(session, who, PageRequest(200), now=now)
    return [
        (task.kind, None if task.due_at is None else last_day(task.due_at).isoformat())
        for task in page.items
        if task.thing == thing
    ]


async def test_the_clocks_are_tasks_with_their_days(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await notice(bureau, resource_id)
    update = ("resource.update", "2026-03-16")
    assert await tasks(bureau, bureau.one.head, resource_id) == [update]
    assert await tasks(bureau, bureau.one.clerk, resource_id) == [update]
    assert await tasks(bureau, bureau.two.head, resource_id) == []
    assert await tasks(bureau, bureau.authority, resource_id) == []
    await extend(bureau, resource_id)
    asked = ("resource.consent-change-notice", "2026-03-16")
    assert await tasks(bureau, bureau.authority, resource_id) == [asked]
    await consent(bureau, resource_id)
    await revise(bureau, resource_id)
    await bureau.submit(resource_id)
    review = ("resource.approve", "2026-03-04")
    assert await tasks(bureau, bureau.authority, resource_id) == [review]
    assert await tasks(bureau, bureau.one.head, resource_id) == []


async def test_of_twenty_notices_at_once_one_runs(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    done = await asyncio.gather(
        *(notice(bureau, resource_id) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(outcome, ChangeNoticed) for outcome in done) == 19
    assert await terms(bureau, resource_id) == {"C1": "2026-03-16"}


@pytest.mark.parametrize("day", [date(2026, 3, 3), date(1990, 1, 1), date(9999, 12, 31)])
async def test_a_change_has_happened_and_not_long_ago(bureau: Bureau, day: date) -> None:
    resource_id = (await bureau.published()).resource.id
    with pytest.raises(Invalid) as refusal:
        await notice(bureau, resource_id, occurred_on=day)
    assert [(e.path, e.code) for e in refusal.value.errors] == [("occurred_on", "out_of_range")]


async def test_only_its_head_tells_of_a_change_of_what_is_published(bureau: Bureau) -> None:
    drafted = (await bureau.draft()).resource.id
    with pytest.raises(ResourceNotPublished):
        await notice(bureau, drafted)
    resource_id = (await bureau.published()).resource.id
    for person, refusal in ((bureau.two.head, NotYourDepartment), (bureau.one.clerk, RoleRequired)):
        with pytest.raises(refusal):
            async with bureau.database.transaction() as session:
                await change_notices.give(
                    session, person, resource_id, occurred_on=CHANGED, cause="职责", now=NOW
                )


async def test_the_clocks_are_told_to_the_department_and_its_authority_alone(world: World) -> None:
    provider, other = await world.department(), await world.department()
    resource = await world.resource(provider)
    path = f"/v1/resources/{resource}"
    today = datetime.now(UTC).date().isoformat()
    said = {"occurred_on": today, "cause": "《某条例》修订"}
    given = await provider.head.ask("POST", f"{path}/change-notice", said)
    assert given["update_due_on"] > today
    assert given["change_notice"]["state"] == "running"
    await provider.head.ask("POST", f"{path}/change-notice/extend", {"reason": "涉及多个处室"})
    extended = await world.authority.ask("POST", f"{path}/change-notice/consent")
    assert extended["update_due_on"] > given["update_due_on"]
    assert extended["change_notice"]["extension_reason"] == "涉及多个处室"
    hidden = await other.clerk.ask("GET", path)
    assert (hidden["update_due_on"], hidden["change_notice"]) == (None, None)
    await provider.clerk.ask("POST", f"{path}/revise")
    signed = {"leader_name": "黄某", "signed_on": "2026-01-06"}
    submitted = await provider.head.ask("POST", f"{path}/submit", signed)
    assert submitted["review_due_on"] > today
    assert submitted["update_due_on"] is None
