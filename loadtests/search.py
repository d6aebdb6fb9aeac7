"""How fast the catalogue is searched: `python -m loadtests.search`, on 100,000 resources.

Each question is asked over HTTP by a member of staff, as the first page with its facets: the
slowest kind of answer. What is told is the time at the client on the same machine, so that it
holds all that the server spends. The database is asked, too, by which indexes it answers.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

import httpx
import numpy as np
from sqlalchemy.dialects.postgresql import asyncpg

from auth.principal import Principal, Role, Scope
from catalog.store import search as store
from catalog.store.search import Criteria
from deploy.demo.sign_in import signing_in
from deploy.local.files import read_json
from deploy.local.report import Report
from kernel.database import Database
from kernel.ids import new_id
from kernel.paging import PageRequest
from loadtests.arena import Arena, guarded, machine, own_arena
from loadtests.catalogue_seed import KINDS, SEED, TOPICS, Seeded, fill
from shuyuan_client.http import ExchangeClient

RESOURCES, ROUNDS, WARM = 100_000, 60, 10
PAGE: Final = 20
LIMIT_MS: Final = 50.0
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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="loadtests.search", description=__doc__)
    parser.add_argument("--resources", type=int, default=RESOURCES)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="times of each question")
    wanted = parser.parse_args(arguments)
    return guarded(lambda: _run(wanted.resources, wanted.rounds))


def _run(resources: int, rounds: int) -> int:
    with own_arena(Report()) as arena:
        begun = time.monotonic()
        seeded = asyncio.run(fill(arena.database_url, resources))
        _say(f"{seeded.resources:,} resources, {seeded.items:,} items in the catalogue"
             f" after {time.monotonic() - begun:.0f} s; {machine(arena)}")  # fmt: skip
        times = _asked(arena, seeded, rounds)
        for name, each in times.items():
            _say(f"{name:　<8} {_figures(each)}  {asyncio.run(_indexes(arena, name, seeded))}")
        together = np.concatenate(list(times.values()))
        p95 = float(np.percentile(together, 95))
        _say(f"together {_figures(together)}: p95 {'≤' if p95 <= LIMIT_MS else '>'} {LIMIT_MS} ms")
        return 0 if p95 <= LIMIT_MS else 1


def _asked(arena: Arena, seeded: Seeded, rounds: int) -> dict[str, np.ndarray]:
    """Ask every question so many times, one after the other, in turns; return milliseconds."""
    chance = random.Random(SEED)  # noqa: S311 - the same questions each time
    found: dict[str, list[float]] = {name: [] for name in QUESTIONS}
    with httpx.Client(base_url=arena.base_url, headers=_headers(arena)) as http:
        for turn in range(WARM + rounds):
            for name in QUESTIONS:
                path = f"/v1/resources?{_query(name, chance, seeded)}&limit={PAGE}"
                begun = time.perf_counter()
                http.get(path).raise_for_status()
                if turn >= WARM:
                    found[name].append(1000 * (time.perf_counter() - begun))
    return {name: np.array(each) for name, each in found.items()}


def _headers(arena: Arena) -> Mapping[str, str]:
    """Return the head of a clerk: most of the catalogue is of others."""
    people = read_json(arena.credentials)["people"]
    person = next(each for each in people if each["roles"] == ["clerk"])
    with ExchangeClient(
        arena.base_url, signing_in(person["username"], person["password"])
    ) as client:
        return {"Authorization": f"Bearer {client.token()}"}


def _query(name: str, chance: random.Random, seeded: Seeded) -> str:
    topic = chance.choice(TOPICS)
    return QUESTIONS[name].format(
        topic=topic,
        topic1=topic[0],
        topic2=topic[:2],
        kind=chance.choice(KINDS),
        element=chance.choice(seeded.elements),
        department=chance.choice(seeded.departments),
    )


def _figures(milliseconds: np.ndarray) -> str:
    low, high, most = np.percentile(milliseconds, (50, 95, 100))
    return f"p50 {low:6.1f}  p95 {high:6.1f}  max {most:6.1f} ms"


async def _indexes(arena: Arena, name: str, seeded: Seeded) -> str:
    """Return the indexes by which PostgreSQL finds the page, by its own choice."""
    asked = parse_qs(_query(name, random.Random(SEED), seeded))  # noqa: S311
    fields = {"class_code" if key == "class" else key: value for key, [value] in asked.items()}
    query = store.statement(_stranger(), Criteria(**fields), PageRequest(PAGE))  # type: ignore[arg-type]
    compiled = query.compile(dialect=asyncpg.dialect())  # type: ignore[no-untyped-call]
    values = [_sent(compiled.params[name]) for name in compiled.positiontup]
    database = Database(arena.database_url, pool_size=1)
    try:
        async with database.reading() as session:
            connection = await session.connection()
            plan = (
                await connection.exec_driver_sql(f"EXPLAIN {compiled}", tuple(values))
            ).scalars()
            used = re.findall(r"(?:Index Scan on|using|Seq Scan on) (\w+)", "\n".join(plan))
            return ", ".join(dict.fromkeys(used))
    finally:
        await database.close()


def _sent(value: object) -> object:
    """Return a parameter as the driver takes it: JSON is text, an array is a list."""
    is_json = isinstance(value, list) and isinstance(value[0], dict)
    return json.dumps(value) if is_json else value


def _stranger() -> Principal:
    """A clerk of a department that has no entries: what the client of the questions is, too."""
    return Principal(
        kind="person",
        id=new_id(),
        department=new_id()[:18].upper(),
        region_code="450000",
        is_authority=False,
        roles=frozenset({Role.CLERK}),
        scopes=frozenset(Scope),
        token_id=new_id(),
        expires_at=2**40,
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
