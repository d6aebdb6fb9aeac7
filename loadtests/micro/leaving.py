"""What rows that leave cost; `python -m loadtests.micro.leaving [database URL]`.

A filter on an item that is not of the key shows 1 % of a resource of which every record replaces
another. CPU time of the fastest of many calls a record, in one process without a broker; with a
database, which must be migrated, also that of storing what is folded and of finding it again, in
this process and in PostgreSQL's, where that runs on the same machine.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from sqlalchemy import text

from catalog.contracts.compile import compile_plan
from exchange.delivery.predecessors import Predecessors
from exchange.delivery.projection.projection import Projection
from exchange.delivery.shown import BLOCK_RECORDS, block_of
from exchange.latest import store, windows
from exchange.latest.fold import Folded
from exchange.latest.records import folding, linking
from exchange.latest.store import Beginning, Lease
from exchange.latest.windows import Window, WindowQuery
from exchange.log.headers import BatchFacts
from exchange.log.reader import Chunk, ChunkCache
from exchange.log.topics import topic_of
from exchange.subscriptions.conditions import Condition, Op
from kernel import clock
from kernel.database import Database, WriteSession
from kernel.ids import new_id
from kernel.turns import finished
from loadtests.micro.validation import contract, microseconds, projection_of
from loadtests.records import line

RECORDS = 5_000
SHOWN = 100
ROUNDS = 6
ME = "loadtests.micro.leaving"
PLACE = (topic_of("0" * 32), 0)
GIVE_UP = "UPDATE exchange.fold SET current = false WHERE id = :id"
TICKS = os.sysconf("SC_CLK_TCK")


def chunk_from(start: int) -> Chunk:
    """Records of which one in SHOWN is shown; asked for twice, each replaces one of before."""
    lines = [
        line(n, status="normal" if n % SHOWN == start % 7 else "closed") for n in range(RECORDS)
    ]
    chunk = Chunk(start=start, next_offset=start + RECORDS, end=start + RECORDS)
    chunk.offsets = list(range(start, start + RECORDS))
    chunk.keys = list(compile_plan(contract()).check_ndjson(b"\n".join(lines)).keys)
    chunk.values = list(lines)
    chunk.headers = [(start, list(BatchFacts(1, RECORDS, bytes(32), "c", "i").headers()))]
    return chunk


def filtered() -> Projection:
    condition = Condition("status", Op.EQ, "normal")
    return projection_of(("id_number", "name", "status"), {}, (condition,))


def shows(
    projection: Projection, before: Predecessors | None, chunk: Chunk
) -> Callable[[], object]:
    cache = ChunkCache(0)

    def call() -> None:
        for first in range(0, RECORDS, BLOCK_RECORDS):
            wanted = range(first, min(first + BLOCK_RECORDS, RECORDS))
            finished(block_of(cache, PLACE, chunk, wanted, projection, before))

    return call


def cases() -> Iterator[tuple[str, Callable[[], object]]]:
    """Name, and a call for RECORDS records."""
    before, chunk, projection = chunk_from(0), chunk_from(RECORDS), filtered()
    stored = dict(zip(chunk.offsets, ((1, value or b"") for value in before.values), strict=True))
    links = finished(linking(chunk))
    new, old = (
        Predecessors(chunk, links, RECORDS, Window(1, 2 * RECORDS, 0, 0, rows, 0))
        for rows in ({}, stored)
    )
    yield "fold", lambda: finished(folding(chunk, 0, RECORDS))
    yield "link within a chunk", lambda: finished(linking(chunk))
    yield "show 1 %, as it was", shows(projection, None, chunk)
    yield "show 1 %, all records new", shows(projection, new, chunk)
    yield "show 1 %, all records replaced", shows(projection, old, chunk)


async def stored(url: str) -> None:
    """Fold rounds of the same keys into a fold of its own, read one back, and forget them."""
    database, resource_id, topic_id = Database(url), new_id(), bytes(16)
    try:
        async with database.transaction() as session:
            await store.begin(session, Beginning(resource_id, topic_id, 1, [0]))
            newest = text("SELECT max(id) FROM exchange.fold")
            fold_id = (await session.execute(newest)).scalar_one()
            hold = "UPDATE exchange.fold SET holder = :me WHERE id = :id"
            await session.execute(text(hold), {"me": ME, "id": fold_id})
        lease = Lease(fold_id, resource_id, 0, topic_id, 1, 0, caught_up=False)
        for nth in range(ROUNDS):
            chunk = chunk_from(nth * RECORDS)
            folded = finished(folding(chunk, 0, RECORDS))
            kind = "store, all records replaced" if nth else "store, all records new"
            async with database.transaction() as session:
                await _timed(kind, session, _write(session, lease, chunk, folded))
        wanted = WindowQuery(resource_id, 0, topic_id, RECORDS, RECORDS, 2 * RECORDS, 1 << 30)
        async with database.transaction() as session:
            await _timed("find predecessors", session, windows.window(session, wanted))
            await session.execute(text(GIVE_UP), {"id": fold_id})
        while True:
            async with database.transaction() as session:
                if not await store.forget_gone(session, clock.now()):
                    break
    finally:
        await database.close()


async def _write(session: WriteSession, lease: Lease, chunk: Chunk, folded: Folded) -> None:
    await store.write(session, ME, lease, store.Stretch(chunk.start, chunk.next_offset), folded)


async def _timed(name: str, session: WriteSession, work: Awaitable[object]) -> None:
    pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    own, backend = time.process_time(), _cpu_seconds(pid)
    await work
    own, backend = time.process_time() - own, _cpu_seconds(pid) - backend
    sys.stdout.write(
        f"{name:32} {own / RECORDS * 1e6:7.2f} us/record here,"
        f" {backend / RECORDS * 1e6:7.2f} in PostgreSQL\n"
    )


def _cpu_seconds(pid: int) -> float:
    """CPU time of a backend of this machine, in ticks of ten milliseconds."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def main() -> None:
    for name, call in cases():
        sys.stdout.write(f"{name:32} {microseconds(call) / RECORDS:7.2f} us/record\n")
    for url in sys.argv[1:]:
        asyncio.run(stored(url))


if __name__ == "__main__":
    main()
