"""A subscription tells when its last byte left after it was stopped, on the slowest worker (P3)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from exchange.subscriptions import stops
from exchange.subscriptions.stops import Stopped
from kernel import locks
from kernel.database import Database, raw_connection
from tests.support.eventually import eventually
from tests.support.sharing import sharing, subscribed
from tests.support.world import World

NOW = datetime(2026, 7, 1, 2, tzinfo=UTC)
SUSPENSION = {"reason": "超范围使用", "remedy_by": "2098-01-01"}


async def told(database: Database, subscription: str) -> Stopped | None:
    async with database.reading() as session:
        return (await stops.stopped(session, [subscription])).get(subscription)


async def report(database: Database, life: int, subscription: str, after_ms: int | None) -> None:
    last = None if after_ms is None else (NOW + timedelta(milliseconds=after_ms)).timestamp()
    async with database.single() as connection:
        await stops.report(connection, life, {subscription: last})


async def test_nothing_is_told_until_all_workers_of_that_moment_have_reported_or_died(
    database: Database,
) -> None:
    subscription = await subscribed(database, await sharing(database))
    workers = [await raw_connection(database.url) for _ in range(3)]
    lives = [2_000_000_001, 2_000_000_002, 2_000_000_003]
    for worker, life in zip(workers, lives, strict=True):
        await locks.hold_keyed_for_connection(worker, locks.Lock.LIFE, life)
    async with database.transaction() as session:
        await stops.begin(session, subscription, NOW)
    async with database.reading() as reading:
        others = set(await locks.held_keys(reading, locks.Lock.LIFE)) - set(lives)
    for life in others:
        await report(database, life, subscription, None)
    await report(database, lives[0], subscription, 40)
    await report(database, lives[0], subscription, 9000)
    await report(database, lives[1], subscription, -500)
    assert await told(database, subscription) == Stopped(NOW, None)
    await workers[2].close()

    async def complete() -> bool:
        return await told(database, subscription) == Stopped(NOW, 40)

    await eventually(complete)
    async with database.transaction() as session:
        await stops.end(session, subscription)
    assert await told(database, subscription) is None
    for worker in workers[:2]:
        await worker.close()


async def test_a_suspension_tells_how_long_its_last_byte_took(world: World) -> None:
    sharing_ = await world.sharing()
    body = [{"id": f"r{n}", "name": "x"} for n in range(20)]
    await sharing_.publisher.publish(sharing_.resource, body)
    path = f"/v1/subscriptions/{sharing_.subscription}"

    async def pull_until_stopped() -> None:
        while (await sharing_.subscriber.try_pull(sharing_.subscription)).status_code == 200:
            pass

    pulling = [asyncio.create_task(pull_until_stopped()) for _ in range(4)]
    await asyncio.sleep(0)
    await sharing_.provider.head.ask("POST", f"{path}/suspend", SUSPENSION)
    await asyncio.gather(*pulling)

    async def shown() -> dict[str, Any]:
        view: dict[str, Any] = await sharing_.consumer.clerk.ask("GET", path)
        return view

    async def all_told() -> bool:
        return (await shown())["stopped"]["last_byte_ms"] is not None

    await eventually(all_told, within_seconds=20)
    view = await shown()
    assert view["history"][-1]["at"] == view["stopped"]["at"]
    # Workers hear within a second; the bound of the promise is the benchmark's to show.
    assert 0 <= view["stopped"]["last_byte_ms"] < 20_000
    await sharing_.provider.head.ask("POST", f"{path}/resume")
    assert (await shown())["stopped"] is None
