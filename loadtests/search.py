"""How fast the catalogue is searched: `python -m loadtests.search`, on 100,000 resources.

Each question is asked over HTTP by a member of staff, as the first page with its facets: the
slowest kind of answer. What is told is the time at the client on the same machine, so that it
holds all that the server spends. The database is asked, too, by which indexes it answers.
"""

import asyncio
import json
import random
import time
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Final

import httpx
import typer

from deploy.local.report import Report
from loadtests.arena import Arena, fetched, kept_arena, machine, own_arena, program
from loadtests.catalogue_seed import KINDS, SEED, TOPICS, Seeded, filled
from loadtests.processes import between, sample
from loadtests.statistics import in_turns, milliseconds_told, percentile
from loadtests.world import signed_in, staff_logins

RESOURCES, ROUNDS, WARM = 100_000, 60, 10
PAGE: Final = 20
# The name of a platform whose catalogue stays.
KEPT: Final = "search"
LIMIT_MS: Final = 50.0
# PostgreSQL's own counts of a question asked so often are there after so long.
COUNTED, FLUSHED_SECONDS = 5, 2.0
SCANS: Final = """
    SELECT json_object_agg(indexrelname, idx_scan ORDER BY indexrelname) FROM pg_stat_user_indexes
    WHERE schemaname = 'catalog' AND relname IN ('resource', 'resource_version')
"""
# A rare pair, a pair that most entries hold, and words that are longer, several or of an element.
QUESTIONS: Final[Mapping[str, str]] = {
    "两个字": "q={topic2}",
    "常见的两个字": "q=登记",
    "一个字": "q={topic1}",
    "长词": "q={topic}{kind}",
    "两个词": "q={topic} {kind}",
    "词和区划": "q={topic}&region_code=450100",
    "词和分类": "q={topic}&class=307001",
    "数据元": "element={element}",
    "部门": "department={department}",
    "区划": "region_code=450300",
    "没有的词": "q=鑫龘",
}
Resources = Annotated[int, typer.Option(help="资源数 / resources")]
Rounds = Annotated[int, typer.Option(help="每项的次数 / times of each question or page")]
Keep = Annotated[bool, typer.Option(help="保留平台供下次使用 / leave it for the next run")]


def main(resources: Resources = RESOURCES, rounds: Rounds = ROUNDS, *, keep: Keep = False) -> int:
    report = Report()
    with kept_arena(KEPT, report) if keep else own_arena(report) as arena:
        begun = time.monotonic()
        seeded = asyncio.run(filled(arena.database_url, resources))
        report.line(
            f"{seeded.resources:,} resources, {seeded.items:,} items in the catalogue"
            f" after {time.monotonic() - begun:.0f} s; {machine(arena)}"
        )
        before = sample(arena.families, memory=False)
        with httpx.Client(base_url=arena.base_url, headers=_headers(arena)) as http:
            times = _asked(http, seeded, rounds)
            used = between(before, sample(arena.families, memory=False)).cpu_seconds
            indexes = [_indexes(arena, http, name, seeded) for name in QUESTIONS]
        for name, each, by in zip(QUESTIONS, times, indexes, strict=True):
            report.line(f"{name:　<8} {milliseconds_told(each)}  {by}")
        asked = (WARM + rounds) * len(QUESTIONS)
        report.line(
            f"processor time a question: gateway {1000 * used['gateway'] / asked:.1f} ms,"
            f" database {1000 * used['database'] / asked:.1f} ms"
        )
        together = [milliseconds for each in times for milliseconds in each]
        p95 = percentile(together, 0.95)
        mark = "≤" if p95 <= LIMIT_MS else ">"
        report.line(f"together {milliseconds_told(together)}: p95 {mark} {LIMIT_MS} ms")
        return 0 if p95 <= LIMIT_MS else 1


def _asked(http: httpx.Client, seeded: Seeded, rounds: int) -> list[list[float]]:
    """Ask every question so many times, one after the other, in turns; return milliseconds."""
    chance = random.Random(SEED)  # noqa: S311 - the same questions each time

    def ask(name: str) -> None:
        http.get(_path(name, chance, seeded)).raise_for_status()

    return in_turns([partial(ask, name) for name in QUESTIONS], rounds, WARM)


def _headers(arena: Arena) -> Mapping[str, str]:
    """Return the head of a clerk: most of the catalogue is of others."""
    with signed_in(arena.base_url, staff_logins(arena.credentials)["clerk"]) as client:
        return {"Authorization": f"Bearer {client.token()}"}


def _path(name: str, chance: random.Random, seeded: Seeded) -> str:
    topic = chance.choice(TOPICS)
    query = QUESTIONS[name].format(
        topic=topic,
        topic1=topic[0],
        topic2=topic[:2],
        kind=chance.choice(KINDS),
        element=chance.choice(seeded.elements),
        department=chance.choice(seeded.departments),
    )
    return f"/v1/resources?{query}&limit={PAGE}"


def _scans(arena: Arena) -> Mapping[str, int]:
    """Return how often PostgreSQL has used each index of the searched tables until now."""
    found: dict[str, int] = json.loads(asyncio.run(fetched(arena.database_url, SCANS)))
    return found


def _indexes(arena: Arena, http: httpx.Client, name: str, seeded: Seeded) -> str:
    """Return the indexes by which PostgreSQL answers a question, by its own count."""
    before, chance = _scans(arena), random.Random(SEED)  # noqa: S311
    for _time in range(COUNTED):
        http.get(_path(name, chance, seeded)).raise_for_status()
    time.sleep(FLUSHED_SECONDS)
    return ", ".join(index for index, scans in _scans(arena).items() if scans > before[index])


if __name__ == "__main__":
    program(main)
