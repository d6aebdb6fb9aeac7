"""Where the microseconds of a publish and a pull go; `python -m loadtests.micro.stages`.

The stages of the hot paths one by one in one process, without HTTP, broker or database: the best
of many rounds in CPU time, so that neighbours on the machine count little, first without compiled
passes and then with them, as a worker with enough to do has them. Last what rate limits and the
evidence of the audit cost.
"""

import hashlib
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import google_crc32c
from aiokafka.record.util import calc_crc32c

from auth.principal import Principal
from catalog.contracts.compile import compile_plan
from catalog.contracts.scanning.scanner import SCAN
from exchange.delivery import cursor as cursors
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
from loadtests.micro.validation import BATCH, contract, microseconds, projection_of

PASSES: Sequence[LazyCompiled[Any]] = (SCAN, PACK, SHOW, KNOWS)
KEY = secrets.token_bytes(32)
RESOURCE = "0" * 32
CLIENTS, LOG = 1_000, 50_000
PLENTY = {
    "rate_client_per_second": 1e6,
    "rate_client_burst": 10_000_000,
    "rate_subscription_per_second": 1e6,
    "rate_subscription_burst": 10_000_000,
}

Call = Callable[[], object]


def publishing(count: int) -> Iterator[tuple[str, Call]]:
    """The stages between a body and its receipt, for a batch of so many records."""
    plan = compile_plan(contract())
    body = records.bodies(count, 1)[0]
    checked = plan.check_ndjson(body)
    digest, producer = hashlib.sha256(body).digest(), Producer(1, 0)
    facts = BatchFacts(1, count, digest, RESOURCE, RESOURCE)
    part = Slice(checked.keys, checked.lines, facts.headers())
    taken = Accepted(1, [PositionRange(0, 10_000, 10_000 + count - 1)])
    yield "digest of the body", lambda: hashlib.sha256(body).digest()
    yield "check, split and keys", lambda: plan.check_ndjson(body)
    yield "headers of the batch", facts.headers
    yield "record batch with CRC", lambda: bytes(build([part], producer, 0))
    batch = bytes(build([part], producer, 0))
    yield "CRC-32C by aiokafka", lambda: calc_crc32c(batch)
    yield "CRC-32C by the processor", lambda: google_crc32c.value(batch)
    yield (
        "receipt",
        lambda: receipts.issue(KEY, resource_id=RESOURCE, accepted=taken, digest=digest),
    )


def pulling(count: int) -> Iterator[tuple[str, Call]]:
    """The stages between the broker's answer and a page of so many records."""
    lines = list(records.lines()[:count])
    keys = compile_plan(contract()).check_ndjson(b"\n".join(lines)).keys
    part = Slice(keys, lines, BatchFacts(1, count, KEY, RESOURCE, RESOURCE).headers())
    info = (0, 0, count, count, 0, None, bytes(build([part], Producer(1, 0), 0)))
    masked, whole = (
        projection_of(records.NARROW, records.MASKS), projection_of(list(records.ITEMS), {}),
    )  # fmt: skip
    page = masked.lines(1, keys, lines)
    shown = [each for each in page if each is not None]
    place, epoch = cursors.Position((1_000_000,)), cursors.Epoch(1, KEY[:8])
    yield "parse with CRC", lambda: parse(info, 0)
    yield "project 6 of 12, mask 2", lambda: masked.lines(1, keys, lines)
    yield "wrap whole records", lambda: whole.lines(1, keys, lines)
    yield "join the page", lambda: b"\n".join([*shown, b""])
    yield "seal a cursor", lambda: cursors.encode(KEY, RESOURCE, epoch, place)


def limiting() -> Iterator[tuple[str, int, Call]]:
    """Take from the limits of a thousand clients in turn, none near its limit, and tell of them."""
    gate = Gate(Database("postgresql://127.0.0.1:1/none"), Settings.model_validate(PLENTY))
    callers = [reader(number) for number in range(CLIENTS)]
    for title, subscription in (("publish", None), ("pull", "f" * 32)):

        def take(subscription: str | None = subscription) -> None:
            for caller in callers:
                gate.taken(gate.buckets(caller, subscription))

        buckets = gate.buckets(callers[0], subscription)
        yield f"limits of a {title}", CLIENTS, take
        yield "… their headers", 1, lambda buckets=buckets: rate_fields.fields(buckets)  # type: ignore[misc]


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


def evidence() -> Iterator[tuple[str, int, Call]]:
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


def times(stages: Callable[[int], Iterator[tuple[str, Call]]], count: int) -> dict[str, float]:
    """Microseconds of each stage by its name."""
    return {name: microseconds(call) for name, call in stages(count)}


def main() -> None:
    for title, stages, count in (
        ("publish", publishing, BATCH),
        ("publish", publishing, 1),
        ("pull", pulling, BATCH),
    ):
        sys.stdout.write(f"{title}, {count} record(s): us/record without and with passes\n")
        for function in PASSES:
            function.unload()
        plain = times(stages, count)
        for function in PASSES:
            function.load()
        for name, spent in times(stages, count).items():
            sys.stdout.write(f"  {name:28} {plain[name] / count:8.3f} {spent / count:8.3f}\n")
    sys.stdout.write("us for each page or publish\n")
    for name, count, call in (*limiting(), *evidence()):
        sys.stdout.write(f"  {name:36} {microseconds(call) / count:8.3f}\n")


if __name__ == "__main__":
    main()
