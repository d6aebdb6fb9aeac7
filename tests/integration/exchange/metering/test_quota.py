"""A quota is reserved in the database before a page leaves: exact, whoever races (P3)."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import text

import kernel.clock
from exchange.metering import count_store
from exchange.metering.quota import Quotas
from kernel.database import Database
from kernel.workdays import local_date
from tests.support.eventually import eventually
from tests.support.sharing import sharing, subscribed
from tests.support.world import World

# 23:59:50 in Shanghai.
LATE = datetime(2026, 7, 1, 15, 59, 50, tzinfo=UTC)
QUOTA = 1000


async def granted(own: Database, quota: int | None = QUOTA) -> str:
    subscription = await subscribed(own, await sharing(own))
    async with own.transaction() as session:
        statement = text("UPDATE exchange.subscription SET records_per_day = :q WHERE id = :id")
        await session.execute(statement.bindparams(q=quota, id=subscription))
    return subscription


async def used(own: Database, subscription: str, at: datetime | None = None) -> int:
    day = local_date(at or kernel.clock.now())
    async with own.reading() as session:
        return (await count_store.used_by(session, [subscription], day)).get(subscription, 0)


async def test_forty_pulls_at_once_on_two_workers_get_exactly_the_quota(world: World) -> None:
    """They once got 140 to 170 records of ten: each worker read the count first, added later."""
    sharing_ = await world.sharing(records_per_day=10)
    body = [{"id": f"r{n}", "name": "x"} for n in range(30)]
    await sharing_.publisher.publish(sharing_.resource, body)
    await sharing_.subscriber.token()
    answers = await asyncio.gather(
        *(sharing_.subscriber.try_pull(sharing_.subscription, limit=3) for _ in range(40))
    )
    assert len({answer.headers["exchange-worker"] for answer in answers}) == 2
    given = [answer for answer in answers if answer.status_code == 200]
    assert sum(len(answer.content.splitlines()) for answer in given) == 10
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} == {
        "quota_exhausted"
    }
    for answer in given:
        assert int(answer.headers["exchange-count"]) == len(answer.content.splitlines())
    shown = await sharing_.consumer.clerk.ask("GET", f"/v1/subscriptions/{sharing_.subscription}")
    assert shown["used_today"] == 10


async def test_workers_that_race_reserve_the_quota_and_no_more(own: Database) -> None:
    subscription = await granted(own)
    workers = [Quotas(own) for _ in range(6)]
    wishes = [(worker, 7) for worker in workers for _ in range(60)]
    made = await asyncio.gather(*(each.reserve(subscription, n) for each, n in wishes))
    assert sum(reservation.records for reservation in made) == QUOTA
    assert await used(own, subscription) == QUOTA
    assert min(reservation.left for reservation in made) == 0


async def test_what_was_not_handed_on_is_there_for_others_at_once(own: Database) -> None:
    subscription = await granted(own, 10)
    one, other = Quotas(own), Quotas(own)
    whole = await one.reserve(subscription, 10)
    assert (await other.reserve(subscription, 1)).exhausted
    assert other.seems_spent(subscription)
    one.give_back(whole, 4)
    await one.close()
    part = await other.reserve(subscription, 10)
    assert (part.records, part.left) == (4, 0)
    assert await used(own, subscription) == 10


async def test_give_backs_and_reservations_that_cross_never_pass_the_quota(own: Database) -> None:
    subscriptions = [await granted(own, 20) for _ in range(3)]
    handed = dict.fromkeys(subscriptions, 0)

    async def pull(quotas: Quotas, turn: int) -> None:
        subscription = subscriptions[turn % 3]
        reservation = await quotas.reserve(subscription, 5)
        await asyncio.sleep(0)
        kept = reservation.records if turn % 2 else 0
        handed[subscription] += kept
        quotas.give_back(reservation, reservation.records - kept)

    workers = [Quotas(own) for _ in range(4)]
    await asyncio.gather(*(pull(worker, turn) for worker in workers for turn in range(40)))
    await asyncio.gather(*(worker.close() for worker in workers))
    for subscription in subscriptions:
        assert handed[subscription] <= 20
        assert await used(own, subscription) == handed[subscription]


async def test_a_reservation_belongs_to_the_day_on_which_it_was_made(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day was once lost to 429: use of yesterday was taken for today's until the next flush."""
    at = [LATE]
    monkeypatch.setattr(kernel.clock, "now", lambda: at[0])
    subscription, quotas = await granted(own, 10), Quotas(own)
    yesterday = await quotas.reserve(subscription, 10)
    assert quotas.seems_spent(subscription)
    at[0] = LATE + timedelta(seconds=20)
    assert not quotas.seems_spent(subscription)
    today = await quotas.reserve(subscription, 3)
    assert (today.records, today.left) == (3, 7)
    quotas.give_back(yesterday, 10)
    await quotas.close()
    assert (await used(own, subscription, LATE), await used(own, subscription, at[0])) == (0, 3)


async def test_workers_that_race_over_midnight_pass_neither_days_quota(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages reserved before midnight leave, and are given back, behind it; so do clocks differ."""
    subscription, handed = await granted(own, 50), Counter[date]()
    turns = count()

    def now() -> datetime:
        # Some workers are behind midnight already, and the clock of one is set back over it.
        return LATE + timedelta(seconds=20) * (next(turns) % 3 > 0)

    async def pull(quotas: Quotas, turn: int) -> None:
        reservation = await quotas.reserve(subscription, 5)
        await asyncio.sleep(0.001 * (turn % 4))
        kept = min(reservation.records, turn % 6)
        handed[reservation.of.day] += kept
        quotas.give_back(reservation, reservation.records - kept)

    monkeypatch.setattr(kernel.clock, "now", now)
    workers = [Quotas(own) for _ in range(4)]
    await asyncio.gather(*(pull(worker, turn) for worker in workers for turn in range(40)))
    await asyncio.gather(*(worker.close() for worker in workers))
    days = [LATE, LATE + timedelta(seconds=20)]
    assert set(handed) == {local_date(day) for day in days}
    for day in days:
        assert 0 < handed[local_date(day)] <= 50
        assert await used(own, subscription, day) == handed[local_date(day)]
    # Whatever was given back is there for others, of the day that it was reserved on.
    monkeypatch.setattr(kernel.clock, "now", lambda: days[1])
    rest = await Quotas(own).reserve(subscription, 50)
    assert rest.records == 50 - handed[local_date(days[1])]


async def test_the_quota_in_force_counts_not_the_one_that_a_worker_remembers(
    own: Database,
) -> None:
    subscription, quotas = await granted(own, 10), Quotas(own)
    assert (await quotas.reserve(subscription, 8)).records == 8
    async with own.transaction() as session:
        await session.execute(
            text("UPDATE exchange.subscription SET records_per_day = 5 WHERE id = :id").bindparams(
                id=subscription
            )
        )
    assert (await quotas.reserve(subscription, 1)).exhausted
    unlimited = Quotas(own)
    assert (await unlimited.reserve(await granted(own, None), 70)).records == 70
    assert (await unlimited.reserve("nobody", 1)).exhausted


async def test_a_worker_that_is_killed_has_used_what_it_reserved(own: Database) -> None:
    subscription = await granted(own, 10)
    await Quotas(own).reserve(subscription, 6)
    assert (await Quotas(own).reserve(subscription, 10)).records == 4


async def test_a_client_that_leaves_while_its_records_are_reserved_uses_none(
    own: Database,
) -> None:
    subscription, quotas = await granted(own, 10), Quotas(own)
    asked = [asyncio.create_task(quotas.reserve(subscription, 5)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await quotas.close()

    async def nothing_used() -> bool:
        return await used(own, subscription) == 0

    await eventually(nothing_used)
