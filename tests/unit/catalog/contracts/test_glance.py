"""An ordinary body is not cut into lines, and keeps the limits of those that are."""

import json
from collections.abc import Iterator

import pytest

from catalog.contracts.compile import compile_plan
from catalog.contracts.errors import LineTooLong, TooManyRecords
from catalog.contracts.lines import LINE_BYTES_MAX, RECORDS_MAX, has_lines
from catalog.contracts.model import DataType
from catalog.contracts.scanning.scanner import SCAN
from kernel.columns import Column
from tests.unit.catalog.contracts.samples import contract, item

PLAN = compile_plan(
    contract(item("id", DataType.INTEGER, key=True), item("note", DataType.STRING, required=False))
)


@pytest.fixture(autouse=True, scope="module")
def loaded() -> Iterator[None]:
    SCAN.load()
    yield
    SCAN.unload()


def ids(count: int) -> list[bytes]:
    return [b'{"id":%d}' % number for number in range(count)]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_an_ordinary_body_stays_whole(end: bytes) -> None:
    checked = PLAN.check_ndjson(b"\n".join(ids(12)) + end)
    assert isinstance(checked.lines, Column)
    assert checked.lines == ids(12)
    assert checked.keys == [b"%d" % number for number in range(12)]
    assert (checked.records, checked.rejected, checked.indexes) == (12, [], None)


def test_a_record_more_than_are_allowed_is_counted() -> None:
    assert len(PLAN.check_ndjson(b"\n".join(ids(RECORDS_MAX))).keys) == RECORDS_MAX
    with pytest.raises(TooManyRecords):
        PLAN.check_ndjson(b"\n".join(ids(RECORDS_MAX + 1)))


def test_a_line_that_is_too_long_is_named() -> None:
    least = len(json.dumps({"id": 12, "note": ""}, separators=(",", ":")))
    for spare in (0, 1):
        long = b'{"id":12,"note":"%b"}' % (b"n" * (LINE_BYTES_MAX - least + spare))
        body = b"\n".join([*ids(12), long])
        if spare:
            with pytest.raises(LineTooLong, match="12"):
                PLAN.check_ndjson(body)
        else:
            assert len(PLAN.check_ndjson(body).lines[-1]) == LINE_BYTES_MAX


def test_an_empty_line_is_an_invalid_record_wherever_it_stands() -> None:
    for place in range(13):
        body = b"\n".join([*ids(12)[:place], b"", *ids(12)[place:]]) + b"\n"
        assert [each.index for each in PLAN.check_ndjson(body).rejected] == [place]


@pytest.mark.parametrize(
    ("body", "count", "there"),
    [(b"", 2, False), (b"a", 2, False), (b"a\nb", 2, True), (b"a\n" * 7, 8, True),
     (b"a\n" * 6, 8, False)],
)  # fmt: skip
def test_lines_are_looked_for_no_further_than_needed(body: bytes, count: int, there: bool) -> None:
    assert has_lines(body, count) is there
