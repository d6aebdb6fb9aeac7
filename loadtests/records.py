"""The records of every load test: 12 items and about 320 bytes, all fictitious.

All four checkers are in every record: an identity number and a unified credit code with their check
digits, values of code lists, a division. Beside them a Chinese name and address, dates, a decimal,
a mobile number and an item that may be null. Record n is the same everywhere, so that whoever reads
the log can tell whether what it finds was ever sent.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

from kernel.identifiers import make_uscc, resident_check_digit

DISTINCT = 20_000
SURNAMES = "韦黄覃梁莫陆农卢罗李"
GIVEN = ("桂英", "建国", "秀兰", "海燕", "志强", "美玲", "家明", "小凤")
DISTRICT = "广西壮族自治区南宁市青秀区"
ROADS = ("民族大道", "朝阳路", "友爱南路", "金湖路", "星光大道", "建政东路")
EMPLOYERS = tuple(make_uscc("9", "1", "450103", f"{number:08d}") for number in range(200))
NATIONS = tuple(f"{number:02d}" for number in range(1, 57))
STATUSES = ("normal", "closed")

Record = dict[str, object]

# What an element says of each item (api.md section 3); lists of values become code lists.
ITEMS: Mapping[str, Mapping[str, Any]] = {
    "id_number": {"data_type": "string", "checker": "resident_id", "personal": True},
    "name": {"data_type": "string", "min_length": 1, "max_length": 50, "personal": True},
    "employer": {"data_type": "string", "checker": "uscc"},
    "nation": {"data_type": "code", "values": NATIONS},
    "birth": {"data_type": "date"},
    "address": {"data_type": "string", "max_length": 200},
    "division": {"data_type": "string", "checker": "division_code"},
    "mobile": {"data_type": "string", "pattern": r"^1[3-9]\d{9}$", "max_length": 11},
    "amount": {"data_type": "decimal", "precision": 18, "scale": 2, "minimum": 0},
    "status": {"data_type": "code", "values": STATUSES},
    "updated_at": {"data_type": "datetime"},
    "remark": {"data_type": "string", "max_length": 100},
}
KEY = "id_number"
NULLABLE = "remark"
MASKS: Mapping[str, Mapping[str, Any]] = {
    "name": {"kind": "partial", "keep_start": 1, "keep_end": 0},
    "mobile": {"kind": "partial", "keep_start": 3, "keep_end": 4},
}
# Personal items that are shown in clear say why (Art 15 of the compilation guide).
CLEAR_REASONS: Mapping[str, str] = {"id_number": "压测所用，均为虚构号码"}
# Six of the twelve, two of them masked.
NARROW = ("id_number", "name", "birth", "division", "mobile", "status")


def key(number: int) -> str:
    """Return the identity number of record `number`; they repeat after 20 million."""
    year, month, day = _day(number)
    body = f"450103{year}{month:02d}{day:02d}{number // 28 % 1000:03d}"
    return body + resident_check_digit(body)


def _day(number: int) -> tuple[int, int, int]:
    return 1950 + number // 336_000 % 60, number // 28_000 % 12 + 1, number % 28 + 1


def record(number: int) -> Record:
    """Return record `number`; keys repeat after 20 million."""
    year, month, day = _day(number)
    return {
        "id_number": key(number),
        "name": SURNAMES[number % 10] + GIVEN[number // 10 % 8],
        "employer": EMPLOYERS[number % len(EMPLOYERS)],
        "nation": NATIONS[number % 56],
        "birth": f"{year}-{month:02d}-{day:02d}",
        "address": f"{DISTRICT}{ROADS[number % 6]}{number % 200 + 100}号{number % 9}单元",
        "division": "450103001",
        "mobile": f"138{number % 100_000_000:08d}",
        "amount": f"{number * 7 % 100_000}.{number % 100:02d}",
        "status": STATUSES[number % 3 == 0],
        "updated_at": f"2026-01-{day:02d}T08:{number % 60:02d}:00+08:00",
        "remark": None if number % 2 else "本人申报",
    }


@cache
def lines() -> tuple[bytes, ...]:
    """Return the distinct records as lines, in order."""
    return tuple(line(number) for number in range(DISTINCT))


def line(number: int, **changes: object) -> bytes:
    return orjson.dumps(record(number) | changes)


def bodies(records_each: int, count: int) -> list[bytes]:
    """Return NDJSON bodies of consecutive records, beginning again after the last distinct one."""
    all_lines = lines()
    starts = (place * records_each % (DISTINCT - records_each + 1) for place in range(count))
    return [b"\n".join(all_lines[start : start + records_each]) for start in starts]
