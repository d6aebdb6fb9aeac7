"""What checking a record costs; run it with `python -m loadtests.micro.validation`.

The best of many rounds in CPU microseconds per record, so that neighbours on the machine count
little; the last rows with the compiled pass. A record has 12 items: an identity number with check
digit, Chinese texts, codes, dates, a decimal, a pattern and an item that may be null.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

from catalog.contracts.compile import compile_plan
from catalog.contracts.decoding import decoder_of
from catalog.contracts.domains import domains_of
from catalog.contracts.model import Checker, Contract, DataType, Field
from catalog.contracts.scanning.scanner import SCAN
from kernel.identifiers import resident_check_digit

BATCH = 500
CASE_SECONDS = 0.8

_CODE, _STRING = DataType.CODE, DataType.STRING


def _item(name: str, data_type: DataType) -> Field:
    return Field(name=name, label=name, data_type=data_type, required=True, key=False)


def contract() -> Contract:
    nations = tuple(f"{number:02d}" for number in range(1, 60))
    amount = _item("amount", DataType.DECIMAL)
    fields = (
        replace(_item("id_number", _STRING), key=True, checker=Checker.RESIDENT_ID),
        replace(_item("name", _STRING), min_length=1, max_length=50),
        replace(_item("sex", _CODE), values=("0", "1", "2", "9")),
        replace(_item("nation", _CODE), values=nations),
        _item("birth", DataType.DATE),
        replace(_item("address", _STRING), max_length=200),
        replace(_item("division", _STRING), checker=Checker.DIVISION_CODE),
        replace(_item("mobile", _STRING), pattern=r"^1[3-9]\d{9}$", max_length=11),
        replace(amount, precision=18, scale=2, minimum=Decimal(0)),
        replace(_item("status", _CODE), values=("normal", "closed")),
        _item("updated_at", DataType.DATETIME),
        replace(_item("remark", _STRING), required=False, max_length=100),
    )
    return Contract(resource_id="bench", version=1, title="bench", fields=fields)


def record(number: int) -> dict[str, object]:
    year, month, day = 1950 + number % 70, number % 12 + 1, number % 28 + 1
    body = f"450103{year}{month:02d}{day:02d}{number % 1000:03d}"
    return {
        "id_number": body + resident_check_digit(body),
        "name": "韦三姐",
        "sex": str(number % 2 + 1),
        "nation": f"{number % 56 + 1:02d}",
        "birth": f"{year}-{month:02d}-{day:02d}",
        "address": f"广西壮族自治区南宁市青秀区民族大道 {number} 号",
        "division": "450103001",
        "mobile": f"138{number:08d}",
        "amount": f"{number * 7 % 100_000}.{number % 100:02d}",
        "status": "normal" if number % 3 else "closed",
        "updated_at": f"2025-08-{day:02d}T08:{number % 60:02d}:00+08:00",
        "remark": None if number % 2 else "无",
    }


def line(number: int, **changes: object) -> bytes:
    whole = {**record(number), **changes}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def cases() -> Iterator[tuple[str, int, Callable[[], object]]]:
    """Name, records in one call, the call."""
    plan = compile_plan(contract())
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
    few = b"\n".join([*good[:-4], *(line(number, sex="7") for number in range(4))])
    yield f"NDJSON, 4 of {BATCH} wrong", BATCH, lambda: plan.check_ndjson(few)
    bad = b"\n".join(line(number, sex="7", mobile="x") for number in range(BATCH))
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
    size = sum(len(line(number)) for number in range(BATCH)) // BATCH
    sys.stdout.write(f"{size} bytes a record\n")
    for name, count, call in cases():
        each = microseconds(call) / count
        sys.stdout.write(f"{name:28} {each:7.2f} us/record {1e6 / each:10,.0f} records/s\n")


if __name__ == "__main__":
    main()
