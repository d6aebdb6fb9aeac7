"""How fast lists and bundles of sharing are: `python -m loadtests.lists`.

100,000 applications, half as many subscriptions, 10,000 violations and 1,000,000 events of 300
departments are put into a platform of its own, copied in its database from ones that were made over
HTTP. Each list is asked for as its first page and as one behind twenty others, by a clerk and a
head of one department and by the authority over all; a bundle of 500 lines is drafted and signed on
a gateway that tells its steps. What is told is the time at the client on the same machine.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from deploy.local.report import Report
from loadtests import records
from loadtests.arena import Arena, beside, connected, machine, own_arena, program
from loadtests.statistics import in_turns, milliseconds_told, percentile, seconds
from loadtests.world import SAID, Credentials, World, seed, signed_in, staff_logins

APPLICATIONS, EVENTS, ROUNDS, WARM = 100_000, 1_000_000, 30, 3
PAGE, PAGES_ON, LINES = 50, 20, 500
LIMIT_MS, BUNDLE_SECONDS, STEP_MS = 50.0, 5.0, 50.0
# The departments that ask have a fiftieth of everything: they are large ones.
SEEDING: Final = (
    """INSERT INTO auth.department SELECT (jsonb_populate_record(d, jsonb_build_object(
            'uscc', 'O-' || n, 'name', '第' || n || '局'))).*
        FROM auth.department d, generate_series(0, 299) AS n WHERE d.uscc = $1 AND $2 <> ''""",
    """INSERT INTO exchange.application SELECT (jsonb_populate_record(a, jsonb_build_object(
            'id', md5('a' || n), 'subscription_id', NULL,
            'consumer_department', CASE n % 50 WHEN 0 THEN $1 ELSE 'O-' || n % 300 END,
            'provider_department', CASE n % 50 WHEN 1 THEN $2 ELSE 'O-' || (n * 7 + 1) % 300 END,
            'status', CASE WHEN n % 2 = 0 THEN 'agreed' WHEN n % 10 < 4 THEN 'submitted'
                WHEN n % 10 < 6 THEN 'refused' ELSE 'withdrawn' END,
            'submitted_at', now() - n % 365 * interval '1 day',
            'due_at', now() - (n % 365 - 14) * interval '1 day',
            'breached_at', CASE WHEN n % 365 > 14 THEN now() END))).*
        FROM exchange.application AS a, generate_series(1, $3::int) AS n
        WHERE a.id = (SELECT min(id) FROM exchange.application WHERE status = 'agreed')""",
    """INSERT INTO exchange.subscription SELECT (jsonb_populate_record(s, jsonb_build_object(
            'id', md5('s' || a.id), 'application_id', a.id,
            'consumer_department', a.consumer_department,
            'provider_department', a.provider_department))).*
        FROM exchange.subscription AS s, exchange.application AS a
        WHERE s.id = (SELECT min(id) FROM exchange.subscription) AND a.status = 'agreed'
            AND a.subscription_id IS NULL AND $1 || $2 <> '' AND $3::int > 0""",
    """INSERT INTO exchange.violation (id, type, department, region_code, thing, thing_id,
            occasion, occurred_at)
        SELECT md5('v' || n), 'reply_late', CASE n % 50 WHEN 1 THEN $2 ELSE 'O-' || n % 300 END,
            '450000', 'application', md5('a' || n), $1, now()
        FROM generate_series(1, $3::int / 10) AS n""",
)
EVENTS_SEEDING: Final = (
    """INSERT INTO exchange.feed_event (id, outbox_id, generation, type, thing, at, payload)
        OVERRIDING SYSTEM VALUE
        SELECT n + 1000000, n + 1000000000, (SELECT max(number) FROM kernel.generation),
            'application.' || (ARRAY['signed', 'agreed', 'refused'])[n % 3 + 1], md5('a' || n),
            now(), jsonb_build_object('id', md5('a' || n), 'status', 'agreed')
        FROM generate_series(1, $3::int) AS n WHERE $1 || $2 <> ''""",
    """INSERT INTO exchange.feed_reader (department, event_id, type, oversees)
        SELECT who, n + 1000000,
            'application.' || (ARRAY['signed', 'agreed', 'refused'])[n % 3 + 1], false
        FROM generate_series(1, $3::int) AS n, LATERAL (VALUES
            (CASE n % 50 WHEN 0 THEN $1 ELSE 'O-' || n % 300 END),
            (CASE n % 50 WHEN 1 THEN $2 ELSE 'O-' || (n * 7 + 1) % 300 END)) AS parties (who)
        ON CONFLICT DO NOTHING""",
)
NEXT_EVENT: Final = """
    SELECT setval(pg_get_serial_sequence('exchange.feed_event', 'id'), max(id))
    FROM exchange.feed_event
"""
# By whom each list is asked for, and where it is.
LISTS: Final[Mapping[str, tuple[str, str]]] = {
    "申请": ("clerk", "/v1/applications?"),
    "申请，本部门提出": ("clerk", "/v1/applications?role=consumer&status=agreed&"),
    "申请，待本部门答复": ("provider", "/v1/applications?role=provider&status=submitted&"),
    "申请，逾期": ("provider", "/v1/applications?role=provider&overdue=true&"),
    "申请，全区": ("authority", "/v1/applications?role=authority&"),
    "申请，全区待答复": ("authority", "/v1/applications?role=authority&status=submitted&"),
    "申请，全区逾期": ("authority", "/v1/applications?role=authority&overdue=true&"),
    "授权": ("clerk", "/v1/subscriptions?"),
    "授权，全区": ("authority", "/v1/subscriptions?role=authority&status=active&"),
    "待办，经办": ("clerk", "/v1/me/tasks?"),
    "待办，提供方负责人": ("provider", "/v1/me/tasks?"),
    "待办，主管部门": ("authority", "/v1/me/tasks?"),
    "事件": ("clerk", "/v1/events?"),
    "事件，一种": ("clerk", "/v1/events?types=application.refused&"),
    "违规": ("authority", "/v1/stats/violations/cases?"),
}
_STEP: Final = re.compile(r"step of ([\d.]+) ms: ([^\"]*)")
Callers = Mapping[str, Mapping[str, str]]


def main(applications: int = APPLICATIONS, events: int = EVENTS, rounds: int = ROUNDS) -> int:
    report = Report()
    with own_arena(report) as arena, ExitStack() as clients:
        world = seed(arena.base_url, arena.credentials, feeds=1)
        filling = _fill(arena.database_url, world, applications, events)
        took = seconds(lambda: asyncio.run(filling))
        report.line(f"{applications:,} applications, {events:,} events after {took:.0f} s;"
                    f" {machine(arena)}")  # fmt: skip
        callers = _callers(arena, world, clients)
        fast = _lists(report, arena, callers, rounds)
        return 0 if _bundle(report, arena, world) and fast else 1


async def _fill(database_url: str, world: World, applications: int, events: int) -> None:
    parties = (world.user.uscc, world.provider.uscc)
    async with connected(database_url) as connection:
        await connection.execute(SEEDING[0], *parties)
        for statement in SEEDING[1:]:
            await connection.execute(statement, *parties, applications)
        for statement in EVENTS_SEEDING:
            await connection.execute(statement, *parties, events)
        await connection.execute(NEXT_EVENT)
        await connection.execute("VACUUM ANALYZE")


def _callers(arena: Arena, world: World, clients: ExitStack) -> Callers:
    """Return the headers of those who ask."""
    logins: Mapping[str, Credentials] = {
        "clerk": world.user.clerk,
        "provider": world.provider.head,
        "authority": staff_logins(arena.credentials)["authority"],
    }
    people = {
        name: clients.enter_context(signed_in(arena.base_url, who)) for name, who in logins.items()
    }
    return {name: {"Authorization": f"Bearer {who.token()}"} for name, who in people.items()}


def _lists(report: Report, arena: Arena, callers: Callers, rounds: int) -> bool:
    with httpx.Client(base_url=arena.base_url, timeout=60) as http:

        def ask(who: str, url: str) -> httpx.Response:
            return http.get(url, headers=callers[who]).raise_for_status()

        pages = dict(_pages(ask))
        times = in_turns([partial(ask, *each) for each in pages.values()], rounds, WARM)
    for name, each in zip(pages, times, strict=True):
        report.line(f"{name:　<13} {milliseconds_told(each)}")
    worst = max(percentile(each, 0.95) for each in times)
    report.line(f"the slowest list's p95 is {worst:.1f} ms, wanted {LIMIT_MS:.0f} ms")
    return worst <= LIMIT_MS


def _pages(ask: Callable[[str, str], httpx.Response]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each list's first page, and the one behind twenty others where it is so long."""
    for name, (who, path) in LISTS.items():
        first = url = f"{path}limit={PAGE}"
        yield name, (who, first)
        for _ in range(PAGES_ON):
            told = ask(who, url).json()
            after = told.get("next_cursor") or (told["items"] and told.get("next_after"))
            if not after:
                break
            url = f"{first}&{'after' if 'next_after' in told else 'cursor'}={after}"
        if url != first:
            yield f"{name}（后页）", (who, url)


def _bundle(report: Report, arena: Arena, world: World) -> bool:
    """Draft and sign a bundle; tell the time, and the longest steps of the gateway's loop."""
    common = {name: said for name, said in SAID["application"].items() if name != "mode"}
    line = {"resource_id": world.archive, "items": list(records.NARROW), "mode": "pull",
            "client_id": world.consumer.name}  # fmt: skip
    body, made = common | {"title": "压测", "lines": [line] * LINES}, dict[str, str]()
    with beside(arena, SHUYUAN_STEP_LOG_MS="20") as started:
        with signed_in(started.arena.base_url, world.user.clerk) as clerk:
            drafted = seconds(lambda: made.update(clerk.ask("POST", "/v1/bundles", body)))
        with signed_in(started.arena.base_url, world.user.head) as head:
            signed = seconds(lambda: head.ask("POST", f"/v1/bundles/{made['id']}/sign"))
        steps = _steps(arena.folder)
    for milliseconds, what in steps[:5]:
        report.line(f"step of {milliseconds:.0f} ms: {what}")
    longest = steps[0][0] if steps else 0.0
    report.line(f"{LINES} lines drafted in {drafted:.1f} s, signed in {signed:.1f} s,"
                f" the longest step {longest:.0f} ms")  # fmt: skip
    return drafted + signed <= BUNDLE_SECONDS and longest <= STEP_MS


def _steps(folder: Path) -> list[tuple[float, str]]:
    """Return the steps of requests that a gateway's log tells, the longest first."""
    told = "\n".join(path.read_text(errors="replace") for path in folder.rglob("beside*.log"))
    found = [(float(each[1]), each[2]) for each in _STEP.finditer(told) if "AsgiCycle" in each[2]]
    return sorted(found, reverse=True)


if __name__ == "__main__":
    program(main)
