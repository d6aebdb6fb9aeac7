"""How fast a latest state is built from nothing: `python -m loadtests.rebuild`, 10,000,000 records.

Nobody asks for the resource while they are published, so that nothing of it is folded. Then its
provider does, until the state is complete: told are the time by the clock and the processor's, and
the memory of the worker (the projector) tenth by tenth. Afterwards records of new keys come at a
steady rate, and how long after the last of them all are folded is told.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Final

from deploy.local.report import Report
from loadtests import records as made
from loadtests.arena import Arena, fetched, machine, own_arena, program
from loadtests.processes import between, sample, watched
from loadtests.world import World, seed
from shuyuan_client.refusals import Refused

RECORDS: Final = 10_000_000
TOGETHER, SENDERS = 5_000, 2
LOOK_SECONDS, STEP_SECONDS, PATIENCE_SECONDS = 1.0, 0.1, 3600.0
HELD: Final = """
    SELECT count(*) FROM exchange.latest AS l JOIN exchange.fold AS f ON f.id = l.fold_id
    WHERE f.resource_id = $1
"""
FOLDED_TO: Final = "SELECT sum(folded_to) FROM exchange.fold WHERE resource_id = $1 AND current"
MIB: Final = 2**20
# A fifth more than it has to reach.
FOLLOWED_A_SECOND, FOLLOWED_SECONDS = 36_000, 20


def main(records: int = RECORDS) -> int:
    report = Report()
    with own_arena(report) as arena:
        world = seed(arena.base_url, arena.credentials, feeds=1)
        begun = time.monotonic()
        _publish(world, records)
        seconds = time.monotonic() - begun
        report.line(f"{records:,} records published in {seconds:.0f} s; {machine(arena)}")
        is_whole = _measure(report, arena, world, records)
        return 0 if is_whole and _follow(report, arena, world, records) else 1


def _publish(world: World, count: int, first: int = 0, a_second: float = inf) -> None:
    """Publish records of different keys, by several senders, each batch when it is due."""
    with ThreadPoolExecutor(SENDERS) as pool:
        numbers = [range(first + n * TOGETHER, first + count, SENDERS * TOGETHER)
                   for n in range(SENDERS)]  # fmt: skip
        for done in [pool.submit(_send, world, each, a_second) for each in numbers]:
            done.result()


def _send(world: World, numbers: range, a_second: float) -> None:
    begun = time.monotonic()
    with world.client(world.publisher) as client:
        for first in numbers:
            due = begun + (first - numbers.start) / a_second
            time.sleep(max(0.0, due - time.monotonic()))
            end = min(first + TOGETHER, numbers.stop)
            client.publish(world.feeds[0], b"\n".join(_lines(first, end)))


def _lines(first: int, end: int) -> Iterator[bytes]:
    """Yield records with keys of their own; what else they say is that of the distinct ones."""
    distinct = made.lines()
    behind = len(f'{{"{made.KEY}":"{made.key(0)}')
    for number in range(first, end):
        told = distinct[number % made.DISTINCT]
        yield b'{"%b":"%b' % (made.KEY.encode(), made.key(number).encode()) + told[behind:]


def _measure(report: Report, arena: Arena, world: World, count: int) -> bool:
    before, load = sample(arena.families), os.getloadavg()
    with watched(arena.families, LOOK_SECONDS) as seen:
        _await_complete(world)
    used = between(before, sample(arena.families))
    held = _number(arena, world, HELD)
    report.line(
        f"{held:,} records in {used.seconds:.0f} s: {count / used.seconds:,.0f} records/s"
        f" (processor: worker {used.cpu_seconds['worker']:.0f} s, database"
        f" {used.cpu_seconds['database']:.0f} s; load {load[0]:.1f} before,"
        f" {os.getloadavg()[0]:.1f} after)"
    )
    sizes = seen.memory_bytes["worker"]
    tenths = (sizes[len(sizes) * tenth // 10] // MIB for tenth in range(10))
    report.line(f"worker, MiB: {' '.join(map(str, tenths))}, most {max(sizes) // MIB}")
    return held == count


def _follow(report: Report, arena: Arena, world: World, before: int) -> bool:
    count, begun = FOLLOWED_A_SECOND * FOLLOWED_SECONDS, time.monotonic()
    start, folded = sample(arena.families), _number(arena, world, FOLDED_TO)
    _publish(world, count, before, FOLLOWED_A_SECOND)
    published = time.monotonic()
    while _number(arena, world, FOLDED_TO) < folded + count:
        if time.monotonic() > published + PATIENCE_SECONDS:
            raise TimeoutError
        time.sleep(STEP_SECONDS)
    used, seconds = between(start, sample(arena.families)), time.monotonic() - begun
    cores = ", ".join(f"{part} {spent:.1f}" for part, spent in used.cpu_seconds.items())
    report.line(
        f"{count:,} records published in {published - begun:.1f} s, all folded"
        f" {seconds - (published - begun):.1f} s later: {count / seconds:,.0f} records/s"
        f" (processor seconds: {cores})"
    )
    return _number(arena, world, HELD) == before + count


def _number(arena: Arena, world: World, question: str) -> int:
    return int(asyncio.run(fetched(arena.database_url, question, world.feeds[0])))


def _await_complete(world: World) -> None:
    """Ask for the newest records until the state is complete; raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with world.client(world.publisher) as client:
        while time.monotonic() < deadline:
            try:
                client.ask("GET", f"/v1/resources/{world.feeds[0]}/records?limit=1")
            except Refused as error:
                if error.code != "state_incomplete":
                    raise
                time.sleep(LOOK_SECONDS)
            else:
                return
    raise TimeoutError


if __name__ == "__main__":
    program(main)
