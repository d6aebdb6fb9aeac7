"""Costs that a small arena cannot show by load alone, timed in this process.

Counts and seals of thousands of pairs, the shapes of projection, the cipher of TLS.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from auth.principal import Principal
from catalog.contracts.compile import compile_plan
from catalog.contracts.model import Checker, Contract, DataType, Field
from catalog.contracts.published import RecordItem, RecordVersion
from exchange.delivery.projection.projection import Projection as Compiled
from exchange.delivery.projection.views import Terms
from exchange.delivery.showing.presenter import SHOW
from exchange.log.reader import Chunk
from exchange.metering.counts import Counts
from exchange.metering.evidence.trails import Delivered, Take
from exchange.sealing import seal_counts
from kernel import clock
from kernel.database import Database
from loadtests import records
from loadtests.arena import Arena, fetched
from loadtests.capacity.costs import COUNT, DATABASE, GATEWAY, SEAL, WORKER, Point, Projection
from loadtests.capacity.points import MASKED_SHAPE
from loadtests.processes import between, sample
from loadtests.stage import BATCH

CASE_SECONDS = 0.8
CIPHER_BYTES = 16 * 1024
SEAL_AT_ONCE = 1000
# Of a table, or of all partitions of one that has them.
SIZE = """
    SELECT pg_total_relation_size($1::regclass) + coalesce(
        (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree($1::regclass)
         WHERE isleaf AND relid <> $1::regclass), 0)::bigint
"""
SETTLED = timedelta(minutes=2)
FIRST_MASKED = ("id_number", "name", "mobile")
SHAPES = ((3, 0), (6, 0), (11, 0), (6, 1), (6, 2), (11, 2))
# Of the three tables that counts and seals fill.
TABLES = {COUNT: ("exchange.read_count", "exchange.daily_use"), SEAL: ("kernel.audit_event",)}


def microseconds(call: Callable[[], object]) -> float:
    """CPU time of the fastest call seen within CASE_SECONDS."""
    best, until = float("inf"), time.monotonic() + CASE_SECONDS
    while time.monotonic() < until:
        started = time.process_time_ns()
        call()
        best = min(best, (time.process_time_ns() - started) / 1000)
    return best


def contract() -> Contract:
    """Return the contract of the load tests' records."""
    fields = tuple(_field(name, dict(told)) for name, told in records.ITEMS.items())
    return Contract(resource_id="0" * 32, version=1, title="bench", fields=fields)


def _field(name: str, told: dict[str, Any]) -> Field:
    told.pop("personal", None)
    kinds = {"data_type": DataType, "checker": Checker, "minimum": Decimal}
    told |= {each: kind(told[each]) for each, kind in kinds.items() if each in told}
    required, key = name != records.NULLABLE, name == records.KEY
    return Field(name=name, label=name, required=required, key=key, **told)


def projection_of(items: Sequence[str], masks: Mapping[str, Mapping[str, Any]]) -> Compiled:
    """Return a grant of these items, whose elements are named after them."""
    known = contract()
    fields = [RecordItem(f.name, f.data_type, f.key, f.name) for f in known.fields]
    return Compiled(
        Terms(
            items=tuple(items),
            elements={item: item for item in items},
            masks=masks,
            unmasked=frozenset(),
            conditions=(),
            agreed=known.version,
            versions={known.version: RecordVersion(known.version, tuple(fields))},
            in_force=known.version,
            hash_key=secrets.token_bytes(32),
        )
    )


def reader(number: int) -> Principal:
    return Principal(
        kind="client",
        id=f"{number:032x}",
        department="1" * 18,
        region_code="450000",
        is_authority=False,
        roles=frozenset(),
        scopes=frozenset(),
        token_id="",
        expires_at=0.0,
    )


def tls_ns_per_byte() -> float:
    """Return the time that the cipher of TLS 1.3 takes for one byte, one way."""
    cipher, data = AESGCM(secrets.token_bytes(32)), secrets.token_bytes(CIPHER_BYTES)
    nonce = secrets.token_bytes(12)
    return microseconds(lambda: cipher.encrypt(nonce, data, None)) * 1000 / CIPHER_BYTES


def projection() -> Projection:
    """Fit the time of one projected record to how many items it shows and how many it masks."""
    SHOW.load()  # as a worker with enough to do has it
    lines = list(records.lines()[:BATCH])
    keys = compile_plan(contract()).check_ndjson(b"\n".join(lines)).keys
    spent = []
    for items, masks in SHAPES:
        compiled = _compiled(items, masks)
        spent.append(microseconds(lambda found=compiled: found.lines(1, keys, lines)) / BATCH)  # type: ignore[misc]
    matrix = np.array([[1.0, items, masks] for items, masks in SHAPES])
    fitted = np.linalg.lstsq(matrix, np.array(spent), rcond=None)[0]
    # A mask is as cheap as the item that it hides: noise must not make it cheaper than nothing.
    record, item, mask = map(float, fitted.clip(min=0.0))
    return Projection(round(record, 4), round(item, 4), round(mask, 4), *MASKED_SHAPE)


def _compiled(items: int, masks: int) -> Compiled:
    ordered = [*FIRST_MASKED, *(name for name in records.ITEMS if name not in FIRST_MASKED)]
    return projection_of(ordered[:items], dict(list(records.MASKS.items())[:masks]))


def clerking(arena: Arena, pairs: int) -> tuple[list[Point], dict[str, float]]:
    """Flush and seal the counts of so many pairs; return two points and bytes stored of each."""
    return asyncio.run(_clerking(arena, pairs))


async def _clerking(arena: Arena, pairs: int) -> tuple[list[Point], dict[str, float]]:
    database = Database(arena.database_url, pool_size=2)
    counts = Counts(database, 1.0)
    begun = {work: await _bytes(arena, work) for work in TABLES}
    try:
        await _read_once(counts, 1)  # connections and statements are ready from here on
        await _read_once(counts, pairs)
        count = await _spent(arena, COUNT, GATEWAY, pairs, lambda: _read_once(counts, pairs))
        seal = await _spent(arena, SEAL, WORKER, pairs, lambda: _seal(database, pairs))
    finally:
        await database.close()
    grown = {work: (await _bytes(arena, work) - begun[work]) / pairs for work in TABLES}
    return [count, seal], grown


async def _read_once(counts: Counts, pairs: int) -> None:
    """Count one page of each of so many subscriptions, of a client each, and flush."""
    chunk = Chunk(start=0, next_offset=9, end=9)
    for number in range(pairs):
        caller = reader(number)
        page = Delivered(caller.id, 1, 1, 1, 250, [Take(0, chunk, 7, 8)])
        counts.read(caller, page)
    await counts.flush()


async def _seal(database: Database, pairs: int) -> None:
    """Seal as the worker does, in its own portions, as if two minutes had passed."""
    for _ in range(0, pairs, SEAL_AT_ONCE):
        async with database.transaction() as session:
            await seal_counts(session, clock.now() + SETTLED)


async def _spent(
    arena: Arena, work: str, part: str, pairs: int, call: Callable[[], Awaitable[None]]
) -> Point:
    """Return what a call took: its own time counts as that of the part whose code it runs."""
    families = {DATABASE: arena.families[DATABASE]}
    before, own = sample(families), time.process_time()
    await call()
    own, use = time.process_time() - own, between(before, sample(families))
    return Point(
        name=f"{work} {pairs} pairs",
        seconds=round(use.seconds, 3),
        done={work: (pairs, 0)},
        cpu_seconds={part: round(own, 3), DATABASE: round(use.cpu_seconds[DATABASE], 3)},
    )


async def _bytes(arena: Arena, work: str) -> int:
    return sum([int(await fetched(arena.database_url, SIZE, table)) for table in TABLES[work]])
