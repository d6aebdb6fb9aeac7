"""What checking a record costs; run it with `python -m loadtests.micro.validation`.

The best of many rounds in CPU microseconds per record, so that neighbours on the machine count
little; the last rows with the compiled pass. The records are those of every load test.
"""

import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from catalog.contracts.compile import compile_plan
from catalog.contracts.decoding import decoder_of
from catalog.contracts.domains import domains_of
from catalog.contracts.model import Checker, Contract, DataType, Field
from catalog.contracts.published import RecordItem, RecordVersion
from catalog.contracts.scanning.scanner import SCAN
from exchange.delivery.projection.projection import Projection
from exchange.delivery.projection.views import Terms
from exchange.subscriptions.conditions import Condition
from loadtests import records

BATCH = 500
CASE_SECONDS = 0.8


def contract() -> Contract:
    """Return the contract of the load tests' records."""
    fields = tuple(_field(name, dict(told)) for name, told in records.ITEMS.items())
    return Contract(resource_id="0" * 32, version=1, title="bench", fields=fields)


def _field(name: str, told: dict[str, Any]) -> Field:
    told.pop("personal", None)
    told["data_type"] = DataType(told["data_type"])
    if "checker" in told:
        told["checker"] = Checker(told["checker"])
    if "minimum" in told:
        told["minimum"] = Decimal(told["minimum"])
    required, key = name != records.NULLABLE, name == records.KEY
    return Field(name=name, label=name, required=required, key=key, **told)


def projection_of(
    items: Sequence[str],
    masks: Mapping[str, Mapping[str, Any]],
    conditions: Sequence[Condition] = (),
) -> Projection:
    """Return a grant of these items, whose elements are named after them."""
    known = contract()
    fields = [RecordItem(f.name, f.data_type, f.key, f.name) for f in known.fields]
    return Projection(
        Terms(
            items=tuple(items),
            elements={item: item for item in items},
            masks=masks,
            unmasked=frozenset(),
            conditions=tuple(conditions),
            agreed=known.version,
            versions={known.version: RecordVersion(known.version, tuple(fields))},
            in_force=known.version,
            hash_key=secrets.token_bytes(32),
        )
    )


def cases() -> Iterator[tuple[str, int, Callable[[], object]]]:
    """Name, records in one call, the call."""
    plan, line = compile_plan(contract()), records.line
    good = [line(number) for number in range(BATCH)]
    body, array = b"\n".join(good), b"[" + b",".join(good) + b"]"
    fields = plan.contract.fields
    decode = decoder_of(fields, domains_of(fields)).decode
    yield f"decode alone, {BATCH} lines", BATCH, lambda: list(map(decode, good))
    yield f"NDJSON, {BATCH} records", BATCH, lambda: plan.check_ndjson(body)
    yield f"JSON array, {BATCH} records", BATCH, lambda: plan.check_json(array)
    for count in (1, 5, 9, 10, 50):
        some = b"\n".join(good[:count])
        yield f"NDJSON, {count} records", count, lambda some=some: plan.check_ndjson(some)  # type: ignore[misc]
    SCAN.load()
    yield f"NDJSON, {BATCH}, compiled", BATCH, lambda: plan.check_ndjson(body)
    ten = b"\n".join(good[:10])
    yield "NDJSON, 10, compiled", 10, lambda: plan.check_ndjson(ten)
    few = b"\n".join([*good[:-4], *(line(number, nation="99") for number in range(4))])
    yield f"NDJSON, 4 of {BATCH} wrong", BATCH, lambda: plan.check_ndjson(few)
    bad = b"\n".join(line(number, nation="99", mobile="x") for number in range(BATCH))
    yield f"NDJSON, all {BATCH} wrong", BATCH, lambda: plan.check_ndjson(bad)


def microseconds(call: Callable[[], object]) -> float:
    """CPU time of the fastest call seen within CASE_SECONDS."""
    best, until = float("inf"), time.monotonic() + CASE_SECONDS
    while time.monotonic() < until:
        started = time.process_time_ns()
        call()
        best = min(best, (time.process_time_ns() - started) / 1000)
    return best


def main() -> None:
    for name, count, call in cases():
        each = microseconds(call) / count
        sys.stdout.write(f"{name:28} {each:7.2f} us/record {1e6 / each:10,.0f} records/s\n")


if __name__ == "__main__":
    main()
