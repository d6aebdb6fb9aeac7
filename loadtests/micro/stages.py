"""Where the microseconds of a publish and a pull go; `python -m loadtests.micro.stages`.

The stages of the hot paths one by one in one process, without HTTP, broker or database: the best
of many rounds in CPU time, so that neighbours on the machine count little, first without compiled
passes and then with them, as a worker with enough to do has them.
"""

import hashlib
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import google_crc32c
from aiokafka.record.util import calc_crc32c

from catalog.contracts.compile import compile_plan
from catalog.contracts.scanning.scanner import SCAN
from exchange.delivery import cursor as cursors
from exchange.delivery.projection.projection import Projection
from exchange.delivery.showing.presenter import KNOWS, SHOW
from exchange.log.accepted import Accepted, PositionRange
from exchange.log.headers import BatchFacts
from exchange.log.packing.packer import PACK
from exchange.log.produce import Slice, build
from exchange.log.reader import parse
from exchange.log.writer import Producer
from exchange.publishing import receipts
from kernel.machine.lazy_compiled import LazyCompiled
from loadtests.micro.grants import projection_of
from loadtests.micro.validation import BATCH, contract, line, microseconds

PASSES: Sequence[LazyCompiled[Any]] = (SCAN, PACK, SHOW, KNOWS)
KEY = secrets.token_bytes(32)
RESOURCE = "0" * 32
PARTIAL: Mapping[str, Mapping[str, object]] = {
    "name": {"kind": "partial", "keep_start": 1, "keep_end": 0},
    "mobile": {"kind": "partial", "keep_start": 3, "keep_end": 4},
}
NARROW = ("id_number", "name", "birth", "division", "mobile", "status")

Call = Callable[[], object]


def publishing(count: int) -> Iterator[tuple[str, Call]]:
    """The stages between a body and its receipt, for a batch of so many records."""
    plan = compile_plan(contract())
    body = b"\n".join(line(number) for number in range(count))
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
    lines = [line(number) for number in range(count)]
    keys = compile_plan(contract()).check_ndjson(b"\n".join(lines)).keys
    part = Slice(keys, lines, BatchFacts(1, count, KEY, RESOURCE, RESOURCE).headers())
    info = (0, 0, count, count, 0, None, bytes(build([part], Producer(1, 0), 0)))
    masked, whole = _projection(masked=True), _projection(masked=False)
    page = masked.lines(1, keys, lines)
    shown = [each for each in page if each is not None]
    place = cursors.Position((1_000_000,))
    yield "parse with CRC", lambda: parse(info, 0)
    yield "project 6 of 12, mask 2", lambda: masked.lines(1, keys, lines)
    yield "wrap whole records", lambda: whole.lines(1, keys, lines)
    yield "join the page", lambda: b"\n".join([*shown, b""])
    epoch = cursors.Epoch(1, KEY[:8])
    yield "seal a cursor", lambda: cursors.encode(KEY, RESOURCE, epoch, place)


def _projection(*, masked: bool) -> Projection:
    known = contract()
    if masked:
        return projection_of(known, NARROW, PARTIAL)
    return projection_of(known, [field.name for field in known.fields], {})


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


if __name__ == "__main__":
    main()
