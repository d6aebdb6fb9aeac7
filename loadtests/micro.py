"""Where the microseconds of a record go, stage by stage; `python -m loadtests.micro [case …]`.

In one process, without HTTP, broker or database: CPU time of the fastest of many calls, so that
neighbours on the machine count little, first without compiled passes and then with them, as a
worker with enough to do has them. The records are those of every load test.
"""

import argparse
import asyncio
import hashlib
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import google_crc32c
from aiokafka.record.util import calc_crc32c

from auth.principal import Principal
from catalog.contracts.compile import compile_plan
from catalog.contracts.decoding import decoder_of
from catalog.contracts.domains import domains_of
from catalog.contracts.model import Checker, Contract, DataType, Field
from catalog.contracts.published import RecordItem, RecordVersion
from catalog.contracts.scanning.scanner import SCAN
from exchange.delivery import cursor as cursors
from exchange.delivery.projection.projection import Projection
from exchange.delivery.projection.views import Terms
from exchange.delivery.showing.presenter import KNOWS, SHOW
from exchange.log.accepted import Accepted, PositionRange
from exchange.log.headers import BatchFacts
from exchange.log.packing.packer import PACK
from exchange.log.produce import Slice, build
from exchange.log.reader import Chunk, parse
from exchange.log.writer import Producer
from exchange.metering.evidence.trails import Delivered, PublishEvidence, ReadEvidence, Take
from exchange.metering.rates.gate import Gate
from exchange.publishing import receipts
from gateway.hot import rate_fields
from kernel.database import Database
from kernel.machine.lazy_compiled import LazyCompiled
from kernel.settings import Settings
from loadtests import records

BATCH = 500
CASE_SECONDS = 0.8
PASSES: Sequence[LazyCompiled[Any]] = (SCAN, PACK, SHOW, KNOWS)
KEY = secrets.token_bytes(32)
RESOURCE = "0" * 32
CLIENTS, LOG = 1_000, 50_000
RATES = (
    *("rate_client_per_second", "rate_client_burst"),
    *("rate_subscription_per_second", "rate_subscription_burst"),
)

# Its name, for how many records, pages or clients it is, and the call.
Stage = tuple[str, int, Callable[[], object]]


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
    return Contract(resource_id=RESOURCE, version=1, title="bench", fields=fields)


def _field(name: str, told: dict[str, Any]) -> Field:
    told.pop("personal", None)
    kinds = {"data_type": DataType, "checker": Checker, "minimum": Decimal}
    told |= {each: kind(told[each]) for each, kind in kinds.items() if each in told}
    required, key = name != records.NULLABLE, name == records.KEY
    return Field(name=name, label=name, required=required, key=key, **told)


def projection_of(items: Sequence[str], masks: Mapping[str, Mapping[str, Any]]) -> Projection:
    """Return a grant of these items, whose elements are named after them."""
    known = contract()
    fields = [RecordItem(f.name, f.data_type, f.key, f.name) for f in known.fields]
    return Projection(
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


def checking() -> Iterator[Stage]:
    """Checking a body, for several lengths, and with wrong records in it."""
    plan, line = compile_plan(contract()), records.line
    good = [line(number) for number in range(BATCH)]
    fields = plan.contract.fields
    decode = decoder_of(fields, domains_of(fields)).decode
    yield "decode alone", BATCH, lambda: list(map(decode, good))
    array = b"[" + b",".join(good) + b"]"
    yield "JSON array", BATCH, partial(plan.check_json, array)
    for count in (1, 5, 9, 10, 50, BATCH):
        yield (
            f"NDJSON, {count} records",
            count,
            partial(plan.check_ndjson, b"\n".join(good[:count])),
        )
    few = [*good[:-4], *(line(number, nation="99") for number in range(4))]
    bad = [line(number, nation="99", mobile="x") for number in range(BATCH)]
    yield "NDJSON, 4 wrong", BATCH, partial(plan.check_ndjson, b"\n".join(few))
    yield "NDJSON, all wrong", BATCH, partial(plan.check_ndjson, b"\n".join(bad))


def publishing(count: int = BATCH) -> Iterator[Stage]:
    """The stages between a body and its receipt, for a batch of so many records."""
    plan, body = compile_plan(contract()), records.bodies(count, 1)[0]
    checked, digest = plan.check_ndjson(body), hashlib.sha256(body).digest()
    facts = BatchFacts(1, count, digest, RESOURCE, RESOURCE)
    part = Slice(checked.keys, checked.lines, facts.headers())
    pack = partial(build, [part], Producer(1, 0), 0)
    batch, taken = bytes(pack()), Accepted(1, [PositionRange(0, 10_000, 10_000 + count - 1)])
    stages: Mapping[str, Callable[[], object]] = {
        "digest of the body": lambda: hashlib.sha256(body).digest(),
        "check, split and keys": lambda: plan.check_ndjson(body),
        "headers of the batch": facts.headers,
        "record batch with CRC": lambda: bytes(pack()),
        "CRC-32C by aiokafka": lambda: calc_crc32c(batch),
        "CRC-32C by the processor": lambda: google_crc32c.value(batch),
        "receipt": partial(
            receipts.issue, KEY, resource_id=RESOURCE, accepted=taken, digest=digest
        ),
    }
    for name, call in stages.items():
        yield f"{name}, {count}", count, call


def pulling() -> Iterator[Stage]:
    """The stages between the broker's answer and a page."""
    lines = list(records.lines()[:BATCH])
    keys = compile_plan(contract()).check_ndjson(b"\n".join(lines)).keys
    part = Slice(keys, lines, BatchFacts(1, BATCH, KEY, RESOURCE, RESOURCE).headers())
    info = (0, 0, BATCH, BATCH, 0, None, bytes(build([part], Producer(1, 0), 0)))
    masked = projection_of(records.NARROW, records.MASKS)
    whole = projection_of(list(records.ITEMS), {})
    shown = [each for each in masked.lines(1, keys, lines) if each is not None]
    place, epoch = cursors.Position((1_000_000,)), cursors.Epoch(1, KEY[:8])
    yield "parse with CRC", BATCH, lambda: parse(info, 0)
    yield "project 6 of 12, mask 2", BATCH, lambda: masked.lines(1, keys, lines)
    yield "wrap whole records", BATCH, lambda: whole.lines(1, keys, lines)
    yield "join the page", BATCH, lambda: b"\n".join([*shown, b""])
    yield "seal a cursor", BATCH, lambda: cursors.encode(KEY, RESOURCE, epoch, place)


def limiting() -> Iterator[Stage]:
    """Take from the limits of a thousand clients in turn, none near its limit, and tell of them."""
    plenty = Settings.model_validate(dict.fromkeys(RATES, 10_000_000))
    gate = Gate(Database("postgresql://127.0.0.1:1/none"), plenty)
    callers = [reader(number) for number in range(CLIENTS)]
    for title, subscription in (("publish", None), ("pull", "f" * 32)):

        def take(subscription: str | None = subscription) -> None:
            for caller in callers:
                gate.taken(gate.buckets(caller, subscription))

        yield f"limits of a {title}", CLIENTS, take
        yield (
            "… their headers",
            1,
            partial(rate_fields.fields, gate.buckets(callers[0], subscription)),
        )


def evidence() -> Iterator[Stage]:
    """The evidence of pages of 500 from batches of 500 and of one, and of publishes."""
    firsts = range(0, LOG, BATCH)
    for size in (BATCH, 1):
        chunk = Chunk(start=0, next_offset=LOG, end=LOG)
        headers = BatchFacts(1, size, KEY, RESOURCE, RESOURCE).headers()
        chunk.headers += [(offset, headers) for offset in range(0, LOG, size)]
        chunk.marks(0, 1, whole=True)

        def read(chunk: Chunk = chunk) -> None:
            found = ReadEvidence(RESOURCE)
            for first in firsts:
                takes = [Take(0, chunk, first, first + BATCH)]
                found.add(Delivered(RESOURCE, 1, 1, BATCH, BATCH * 380, takes))

        yield f"evidence of a page, batches of {size}", len(firsts), read

    def publish() -> None:
        found = PublishEvidence()
        for first in firsts:
            found.add([PositionRange(0, first, first + BATCH - 1)], KEY)

    yield "evidence of a publish", len(firsts), publish


CASES: Mapping[str, Callable[[], Iterator[Stage]]] = {
    "checking": checking,
    "publishing": publishing,
    "publishing-1": partial(publishing, 1),
    "pulling": pulling,
    "limits": limiting,
    "evidence": evidence,
}


def times(case: str, *, compiled: bool) -> dict[str, float]:
    """Return the microseconds of each stage for one record, page or client."""
    for function in PASSES:
        function.load() if compiled else function.unload()
    return {name: microseconds(call) / count for name, count, call in CASES[case]()}


async def run(cases: Sequence[str]) -> None:
    """Print a table for each case; limits are taken on a running loop, as in a worker."""
    for case in cases:
        sys.stdout.write(f"{case}: µs each without and with passes\n")
        plain = times(case, compiled=False)
        for name, spent in times(case, compiled=True).items():
            sys.stdout.write(f"  {name:36} {plain[name]:8.3f} {spent:8.3f}\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests.micro")
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; else all")
    asyncio.run(run(parser.parse_args().cases or list(CASES)))


if __name__ == "__main__":
    main()
