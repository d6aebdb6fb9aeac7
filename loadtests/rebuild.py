"""How fast a latest state is built from nothing: `python -m loadtests.rebuild`, 10,000,000 records.

Nobody asks for the resource while they are published, so that nothing of it is folded. Then its
provider does, until the state is complete: told are the time by the clock and the processor's, and
the memory of the worker (the projector) tenth by tenth.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from deploy.local.report import Report
from loadtests import records as made
from loadtests.arena import Arena, fetched, machine, own_arena, program
from loadtests.processes import between, sample, watched
from loadtests.world import World, seed
from shuyuan_client.refusals import Refused

RECORDS: Final = 10_000_000
TOGETHER, SENDERS = 5_000, 2
LOOK_SECONDS, PATIENCE_SECONDS = 1.0, 3600.0
HELD: Final = """
    SELECT count(*) FROM exchange.latest AS l JOIN exchange.fold AS f ON f.id = l.fold_id
    WHERE f.resource_id = $1
"""
MIB: Final = 2**20


def main(records: int = RECORDS) -> int:
    report = Report()
    with own_arena(report) as arena:
        world = seed(arena.base_url, arena.credentials, feeds=1)
        begun = time.monotonic()
        _publish(world, records)
        seconds = time.monotonic() - begun
        report.line(f"{records:,} records published in {seconds:.0f} s; {machine(arena)}")
        return _measure(report, arena, world, records)


def _publish(world: World, count: int) -> None:
    """Publish records of different keys, by several senders."""
    with ThreadPoolExecutor(SENDERS) as pool:
        for done in [pool.submit(_send, world, count, turn) for turn in range(SENDERS)]:
            done.result()


def _send(world: World, count: int, turn: int) -> None:
    with world.client(world.publisher) as client:
        for first in range(turn * TOGETHER, count, SENDERS * TOGETHER):
            body = b"\n".join(_lines(first, min(first + TOGETHER, count)))
            client.publish(world.feeds[0], body)


def _lines(first: int, end: int) -> Iterator[bytes]:
    """Yield records with keys of their own; what else they say is that of the distinct ones."""
    distinct = made.lines()
    behind = len(f'{{"{made.KEY}":"{made.key(0)}')
    for number in range(first, end):
        told = distinct[number % made.DISTINCT]
        yield b'{"%b":"%b' % (made.KEY.encode(), made.key(number).encode()) + told[behind:]


def _measure(report: Report, arena: Arena, world: World, count: int) -> int:
    before, load = sample(arena.families), os.getloadavg()
    with watched(arena.families, LOOK_SECONDS) as seen:
        _await_complete(world)
    used = between(before, sample(arena.families))
    held = asyncio.run(fetched(arena.database_url, HELD, world.feeds[0]))
    report.line(
        f"{held:,} records in {used.seconds:.0f} s: {count / used.seconds:,.0f} records/s"
        f" (processor: worker {used.cpu_seconds['worker']:.0f} s, database"
        f" {used.cpu_seconds['database']:.0f} s; load {load[0]:.1f} before,"
        f" {os.getloadavg()[0]:.1f} after)"
    )
    sizes = seen.memory_bytes["worker"]
    tenths = (sizes[len(sizes) * tenth // 10] // MIB for tenth in range(10))
    report.line(f"worker, MiB: {' '.join(map(str, tenths))}, most {max(sizes) // MIB}")
    return 0 if held == count else 1


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
