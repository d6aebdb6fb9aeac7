"""Ten thousand of each thing: copies of what a demo has left, each with an id of its own.

The rows are those of the demo's departments, so that their people have them all in their lists.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from loadtests.arena import connected

# What tells copies apart, by table: columns of text that name the thing, or one of a number.
# Groups refer to each other, and are copied equally often.
GROUPS: Final[Sequence[Mapping[str, str]]] = (
    {"exchange.application": "id subscription_id", "exchange.subscription": "id application_id"},
    {"exchange.correction": "id"},
    {"exchange.dispute": "id about_id"},
    {"exchange.demand": "id"},
    {"exchange.supervision_order": "id"},
    {"exchange.violation": "id occasion"},
    {"exchange.bundle": "id"},
    {"catalog.standard": "code"},
    {"catalog.code_list": "code"},
    {"auth.department": "uscc"},
    {"auth.person": "id username"},
    {"auth.client": "client_id"},
    {"auth.delegation": "id"},
    {"kernel.refusal": ""},
    {"kernel.audit_event": "chain"},
)
NUMBERS: Final = frozenset({"chain"})
# As the worker looks at timeliness: once a day, in the early hours of Shanghai.
CHECKS: Final = """
    INSERT INTO exchange.quality_check
        (resource_id, day, rule, dimension, checked, failed, measured_at)
    SELECT r.id, day, 'update_cycle', '时效', 1, CAST(hashtext(r.id || day) % 10 = 0 AS integer),
        least(now(), CAST(day AS timestamp) AT TIME ZONE 'Asia/Shanghai' + interval '10 minutes')
    FROM catalog.resource r,
        CAST(now() AT TIME ZONE 'Asia/Shanghai' - make_interval(days => $1) AS date) AS day
    WHERE r.published_version IS NOT NULL
    ON CONFLICT DO NOTHING
"""
COLUMNS: Final = """
    SELECT quote_ident(column_name) FROM information_schema.columns
    WHERE table_schema || '.' || table_name = $1 AND is_identity = 'NO' ORDER BY ordinal_position
"""


async def copied(database_url: str, wanted: int) -> Mapping[str, int]:
    """Copy rows until each table has as many, and analyse it; return how many it has.

    A copy that another row keeps out, such as a second open dispute, is left out.
    """
    async with connected(database_url) as connection:
        for group in GROUPS:
            counts = [await _count(connection, table) for table in group]
            times = wanted // max(1, min(counts)) if min(counts) < wanted else 0
            for table, names in group.items():
                await copy(connection, table, names, times)
        await connection.execute("ANALYZE")
        return {table: await _count(connection, table) for group in GROUPS for table in group}


async def checked(database_url: str, days: int) -> int:
    """Write for each published entry and each of the last days whether it kept its cycle.

    What is there stays. Return how many checks there are: one of ten has failed.
    """
    async with connected(database_url) as connection:
        for ago in range(days):
            await connection.execute(CHECKS, ago)
        await connection.execute("VACUUM ANALYZE exchange.quality_check, exchange.quality_sum")
        return await _count(connection, "exchange.quality_check")


async def _count(connection: asyncpg.Connection, table: str) -> int:
    return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - ours


async def copy(
    connection: asyncpg.Connection, table: str, names: str, times: int, of: str = "true"
) -> None:
    """Copy the rows for which `of` holds so many times; `names` tell the copies apart."""
    columns = [str(row[0]) for row in await connection.fetch(COLUMNS, table)]
    told = [_told(column, copy=column in names.split()) for column in columns]
    await connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(told)}"  # noqa: S608 - ours
        f" FROM {table}, generate_series(1, {times}) AS turn WHERE {of} ON CONFLICT DO NOTHING"
    )


def _told(column: str, *, copy: bool) -> str:
    if not copy:
        return column
    return f"{column} + 1000 * turn" if column in NUMBERS else f"md5({column} || turn)"
