"""What checks of quality come to is kept with each of them, whoever writes them, in any order."""

import asyncio
import random
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from exchange.stewardship import quality_sums
from exchange.supervision.cases import QUALITY, QUALITY_SUMS, UPDATED, UPDATED_SUMS
from kernel.clock import now
from kernel.database import Database
from kernel.workdays import end_of_day, local_date
from tests.support.world import World

# A day of which nobody else has checks.
DAY = local_date(now()) - timedelta(days=300)
CHECK = text("""
    INSERT INTO exchange.quality_check AS c
        (resource_id, day, rule, dimension, checked, failed, measured_at)
    SELECT id, :day, :rule, '时效', :checked, :failed, :at FROM unnest(CAST(:ids AS text[])) AS id
    ON CONFLICT (resource_id, day, rule) DO UPDATE SET checked = c.checked + excluded.checked,
        failed = c.failed + excluded.failed
""")


async def check(database: Database, ids: list[str], rule: str, checked: int, failed: int) -> None:
    async with database.transaction() as session:
        for id_ in ids:
            facts = {"rule": rule, "checked": checked, "failed": failed, "ids": [id_]}
            await session.execute(CHECK, {**facts, "day": DAY, "at": moment(DAY)})


def moment(day: date) -> Any:  # noqa: ANN401 - a moment
    return end_of_day(day) - timedelta(hours=3)


async def both(database: Database, department: str) -> tuple[Any, Any]:
    """Return what the sums say of a department and day, and what its cases come to."""
    facts = {"from_day": DAY, "to_day": DAY, "since": end_of_day(DAY - timedelta(days=1))}
    found = []
    async with database.reading() as session:
        for pair in ((UPDATED_SUMS, QUALITY_SUMS), (UPDATED, QUALITY)):
            rows = []
            for cases in pair:
                asked = {name: value for name, value in facts.items() if f":{name}" in cases}
                statement = f"""
                    SELECT coalesce(sum(amount) FILTER (WHERE met), 0), coalesce(sum(amount), 0)
                    FROM ({cases}) AS c WHERE department = :department
                """  # noqa: S608 - texts of the program
                got = await session.execute(text(statement), {**asked, "department": department})
                rows.append(tuple(map(int, got.one())))
            found.append(rows)
    return found[0], found[1]


async def test_sums_are_those_of_the_checks_after_each_write(
    world: World, database: Database
) -> None:
    """Three million checks were added up anew whenever a league was looked at."""
    one, other = await asyncio.gather(*(world.department() for _ in range(2)))
    ids = await asyncio.gather(*(world.resource(one) for _ in range(2)))
    await check(database, [*ids], "update_cycle", 1, 0)
    await check(database, [*ids], "declared", 40, 1)
    await check(database, [ids[0]], "reads", 7, 7)
    assert await both(database, one.uscc) == ([(2, 2), (2, 4)],) * 2
    # Measured again: what was kept has failed since.
    await check(database, [ids[1]], "update_cycle", 0, 1)
    assert await both(database, one.uscc) == ([(1, 2), (1, 4)],) * 2
    async with database.transaction() as session:
        await session.execute(
            text("DELETE FROM exchange.quality_check WHERE resource_id = :id AND rule = :rule"),
            {"id": ids[1], "rule": "declared"},
        )
    assert await both(database, one.uscc) == ([(1, 2), (1, 3)],) * 2
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE catalog.resource SET department = :to WHERE id = :id"),
            {"to": other.uscc, "id": ids[0]},
        )
        await quality_sums.again(session, {one.uscc, other.uscc})
    assert await both(database, one.uscc) == ([(0, 1), (0, 1)],) * 2
    assert await both(database, other.uscc) == ([(1, 1), (1, 2)],) * 2


async def test_a_crowd_that_writes_in_any_order_loses_nothing(
    world: World, database: Database
) -> None:
    """Two that add to the rows of two departments, each in its order, would wait for ever."""
    departments = await asyncio.gather(*(world.department() for _ in range(2)))
    ids = await asyncio.gather(*(world.resource(each) for each in departments))
    chance = random.Random(809)  # noqa: S311 - orders, no secrets
    orders = [chance.sample(ids, 2) for _ in range(12)]
    await asyncio.gather(
        *(check(database, order, f"r{at}", 1, 0) for at, order in enumerate(orders))
    )
    for each in departments:
        assert await both(database, each.uscc) == ([(0, 0), (12, 12)],) * 2
