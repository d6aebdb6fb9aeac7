"""What becomes of what is published when its source ends, is replaced or comes nearer (G2)."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from catalog import clocks, handover, lifecycle, resources, sources, versions
from catalog.entries import ItemRole
from catalog.handover import Seat
from catalog.states import Decision
from catalog.store import elements as element_store
from kernel.actor import SYSTEM
from kernel.changes import announce
from kernel.database import Database
from kernel.errors import Invalid
from tests.support.catalog import CITY, NOW, PROVINCE, Bureau, Office, entry, item, open_bureau
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.world import Department, World

ITEM = {"name": "id", "key": True, "role": "source"}
CONFLICT = 409


@pytest.fixture
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database)


async def designated(bureau: Bureau, office: Office, region: str = PROVINCE) -> str:
    claim = await bureau.claim(office, region)
    await bureau.decide(claim, Decision.DESIGNATE)
    return claim


async def collected(bureau: Bureau, **changes: Any) -> str:  # noqa: ANN401 - any field
    return (await bureau.published(bureau.key(role=ItemRole.SOURCE), **changes)).resource.id


async def lost(bureau: Bureau, resource_id: str) -> list[str]:
    async with bureau.database.reading() as session:
        running = (await clocks.running(session, [resource_id])).get(resource_id, ())
    return [each.subject for each in running if each.kind == clocks.Kind.SOURCE_LOST]


async def closed_from(bureau: Bureau, resource_id: str) -> datetime | None:
    async with bureau.database.reading() as session:
        return (await versions.contract_of(session, resource_id)).closed_from


async def told(bureau: Bureau, resource_id: str) -> list[str]:
    query = text(
        "SELECT event FROM kernel.audit_event WHERE subject_id = :id"
        " AND event LIKE 'resource.source_%' ORDER BY at, seq"
    )
    async with bureau.database.reading() as session:
        return list((await session.scalars(query.bindparams(id=resource_id))).all())


async def test_a_source_that_ends_leaves_its_entry_ten_working_days(bureau: Bureau) -> None:
    claim = await designated(bureau, bureau.one)
    resource_id = await collected(bureau)
    assert await lost(bureau, resource_id) == []
    await bureau.decide(claim, Decision.END)
    assert await lost(bureau, resource_id) == [bureau.element]
    due = await closed_from(bureau, resource_id)
    # 2 March 2026 is a Monday: the tenth working day after it is the 16th.
    assert due is not None
    assert due.astimezone().timestamp() == datetime.fromisoformat("2026-03-17T00:00+08").timestamp()
    assert await told(bureau, resource_id) == ["resource.source_lost"]


async def test_who_becomes_the_source_again_has_regained_it(bureau: Bureau) -> None:
    await designated(bureau, bureau.one)
    resource_id = await collected(bureau)
    await bureau.decide(await bureau.claim(bureau.two), Decision.REPLACE)
    assert await lost(bureau, resource_id) == [bureau.element]
    await bureau.decide(await bureau.claim(bureau.one), Decision.REPLACE)
    assert await lost(bureau, resource_id) == []
    assert await closed_from(bureau, resource_id) is None
    events = ["resource.source_lost", "resource.source_regained"]
    assert await told(bureau, resource_id) == events


async def test_a_nearer_source_takes_the_entry_of_its_own_region_alone(bureau: Bureau) -> None:
    await designated(bureau, bureau.one)
    province, city = await collected(bureau), await collected(bureau, region_code=CITY)
    nearer = await designated(bureau, bureau.two, CITY)
    assert await lost(bureau, province) == []
    assert await lost(bureau, city) == [bureau.element]
    await bureau.decide(nearer, Decision.END)
    assert await lost(bureau, city) == []


async def test_a_version_that_no_longer_claims_the_element_ends_the_term(bureau: Bureau) -> None:
    await designated(bureau, bureau.one)
    resource_id = await collected(bureau)
    await bureau.decide(await bureau.claim(bureau.two), Decision.REPLACE)
    async with bureau.database.transaction() as session:
        await lifecycle.revise(session, bureau.one.clerk, resource_id, now=NOW)
    with pytest.raises(Invalid):
        await bureau.submit(resource_id)
    said = entry(item("id_number", bureau.element, key=True))
    async with bureau.database.transaction() as session:
        await resources.change(session, bureau.one.clerk, resource_id, said, revision=None, now=NOW)
    await bureau.put_in_force(resource_id)
    assert await lost(bureau, resource_id) == []


async def test_a_retired_entry_has_nothing_to_lose(bureau: Bureau) -> None:
    claim = await designated(bureau, bureau.one)
    resource_id = await collected(bureau)
    await bureau.decide(claim, Decision.END)
    async with bureau.database.transaction() as session:
        await lifecycle.retire(
            session, bureau.authority, resource_id,
            reason="停用", active_subscriptions=0, now=NOW,
        )  # fmt: skip
    assert await lost(bureau, resource_id) == []


async def test_a_department_that_is_abolished_loses_its_sources(bureau: Bureau) -> None:
    await designated(bureau, bureau.one)
    resource_id = await collected(bureau)
    async with bureau.database.transaction() as session:
        await sources.forsake(session, bureau.authority, bureau.one.uscc, reason="撤销", now=NOW)
    assert await lost(bureau, resource_id) == [bureau.element]


async def test_an_entry_that_goes_to_the_source_has_regained_it(bureau: Bureau) -> None:
    await designated(bureau, bureau.one)
    resource_id = await collected(bureau)
    await bureau.decide(await bureau.claim(bureau.two), Decision.REPLACE)
    assert await lost(bureau, resource_id) == [bureau.element]
    seat = Seat(bureau.two.uscc, PROVINCE)
    async with bureau.database.transaction() as session:
        await handover.carry_out(session, SYSTEM, bureau.one.uscc, seat, now=NOW)
    assert await lost(bureau, resource_id) == []


async def test_a_handover_waits_for_a_publication_and_neither_locks_the_other_out(
    bureau: Bureau,
) -> None:
    """Entries were locked before their elements, and a publication locks the elements first."""
    await designated(bureau, bureau.one)
    resource_id = (await bureau.draft(bureau.key(role=ItemRole.SOURCE))).resource.id
    await bureau.submit(resource_id)
    blocked = text("SELECT count(*) FROM pg_stat_activity WHERE :pid = ANY(pg_blocking_pids(pid))")

    async def hand_over() -> None:
        async with bureau.database.transaction() as session:
            seat = Seat(bureau.two.uscc, PROVINCE)
            await handover.carry_out(session, SYSTEM, bureau.one.uscc, seat, now=NOW)

    async with bureau.database.transaction() as session:
        await lifecycle.approve(session, bureau.authority, resource_id, now=NOW)
    async with bureau.database.transaction() as session:
        await element_store.share(session, {bureau.element})
        pid = await session.scalar(text("SELECT pg_backend_pid()"))
        moving = asyncio.create_task(hand_over())

        async def waits() -> bool:
            async with bureau.database.reading() as other:
                return bool(await other.scalar(blocked.bindparams(pid=pid)))

        await eventually(waits)
        await lifecycle.publish(session, bureau.authority, resource_id, now=NOW)
    await moving
    async with bureau.database.reading() as reading:
        shown = await versions.shown(reading, bureau.authority, resource_id)
    assert (shown.resource.department, shown.resource.status) == (bureau.two.uscc, "published")
    assert await lost(bureau, resource_id) == []


async def test_whoever_races_an_entry_is_published_by_its_source_or_has_lost_it(
    bureau: Bureau,
) -> None:
    """Without the lock on the elements an entry came into force whose source had just ended."""
    claim = await designated(bureau, bureau.one)
    entries = []
    for _ in range(5):
        resource_id = (await bureau.draft(bureau.key(role=ItemRole.SOURCE))).resource.id
        await bureau.submit(resource_id)
        async with bureau.database.transaction() as session:
            await lifecycle.approve(session, bureau.authority, resource_id, now=NOW)
        entries.append(resource_id)

    async def publish(resource_id: str) -> bool:
        async with bureau.database.transaction() as session:
            await lifecycle.publish(session, bureau.authority, resource_id, now=NOW)
        return True

    done = await asyncio.gather(
        *map(publish, entries[:3]),
        bureau.decide(claim, Decision.END),
        *map(publish, entries[3:]),
        return_exceptions=True,
    )
    for resource_id, outcome in zip(entries, [*done[:3], *done[4:]], strict=True):
        assert outcome is True or isinstance(outcome, Invalid), outcome
        expected = [bureau.element] if outcome is True else []
        assert await lost(bureau, resource_id) == expected


async def test_twenty_changes_of_the_source_at_once_leave_one_open_term(bureau: Bureau) -> None:
    claim = await designated(bureau, bureau.one)
    resource_id = await collected(bureau)
    await bureau.decide(claim, Decision.END)

    async def look_again() -> None:
        async with bureau.database.transaction() as session:
            await sources.settle_losses(session, bureau.authority.actor, bureau.element, now=NOW)

    await asyncio.gather(*(look_again() for _ in range(20)))
    assert await lost(bureau, resource_id) == [bureau.element]
    assert await told(bureau, resource_id) == ["resource.source_lost"]


async def _published(world: World) -> tuple[Department, str, str]:
    provider, element = await world.department(), await world.element(max_length=64)
    claim = await world.source(provider, element)
    resource = await world.resource(provider, [ITEM | {"element": element}])
    return provider, resource, claim


async def test_after_the_term_records_are_refused_and_reading_goes_on(
    world: World, database: Database
) -> None:
    provider, resource, claim = await _published(world)
    publisher = await world.client(provider)
    consumer = await world.department()
    subscriber = await world.client(consumer)
    subscription = await world.subscription(resource, consumer, subscriber)
    path = f"/v1/resources/{resource}"
    kept = await publisher.publish(resource, [{"id": "1"}], "before")
    await world.authority.ask("POST", f"/v1/sources/{claim}/end", {"reason": "职责划转"})
    shown = await world.clerk.ask("GET", path)
    assert shown["source_lost"] is True
    assert shown["source_lost_due_on"] is not None
    await publisher.publish(resource, [{"id": "2"}])
    async with database.transaction() as session:
        over = text("UPDATE catalog.deadline SET due_at = now() WHERE resource_id = :id")
        await session.execute(over.bindparams(id=resource))
        await announce(session, "resource", resource)

    async def refused() -> bool:
        return (await publisher.try_publish(resource, [{"id": "3"}])).status_code == CONFLICT

    await eventually(refused)
    problem(await publisher.try_publish(resource, [{"id": "4"}]), CONFLICT, "source_lost")
    assert await publisher.publish(resource, [{"id": "1"}], "before") == kept
    keys = [line["key"] for line in (await subscriber.pull(subscription)).records]
    assert keys[:2] == ["1", "2"]
    assert "4" not in keys
    await world.source(provider, shown["items"][0]["element"])

    async def taken() -> bool:
        return (await publisher.try_publish(resource, [{"id": "5"}])).is_success

    await eventually(taken)
    assert (await world.clerk.ask("GET", path))["source_lost"] is False
