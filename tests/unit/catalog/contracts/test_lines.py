"""What is stored is what was checked: how a body is cut into records."""

import json

import pytest

from catalog.contracts.compile import compile_plan
from catalog.contracts.errors import TooManyRecords
from catalog.contracts.lines import RECORDS_MAX, split_json, split_ndjson
from catalog.contracts.model import DataType
from kernel.errors import Invalid, InvalidUtf8, MalformedJson
from kernel.turns import finished
from tests.unit.catalog.contracts.samples import contract, item

PLAN = compile_plan(contract(item("id", DataType.STRING, key=True)))


@pytest.mark.parametrize("inside", [b"\n", b"\r", b"\r\n", b"\x00", b"\x1f"])
def test_a_raw_control_byte_in_a_string_of_one_object_is_no_json(inside: bytes) -> None:
    """Once `a⏎b` was taken for `a b`, and with `op=delete` it deleted the record `a b`."""
    body = b'{"id":"a' + inside + b'b"}'
    for check in (PLAN.check_json, PLAN.check_keys_json):
        with pytest.raises(MalformedJson):
            check(body)
        with pytest.raises(MalformedJson):
            check(b"[" + body + b"]")


def test_line_breaks_between_the_tokens_of_one_object_are_blanks() -> None:
    checked = PLAN.check_json(b'\r\n{\r"id"\n:\n"a\\nb"}\n')
    assert checked.lines == [b'{ "id" : "a\\nb"}']


@pytest.mark.parametrize(
    "body", [b'{"id":\r"a"}', b'{"id":"a\r"}', b'{"id":"a"}\r{"id":"b"}', b'{"id":"a"}\r\r\n']
)
def test_a_bare_carriage_return_refuses_the_body_and_names_the_record(body: bytes) -> None:
    """Once it was stored, and the compiled pass showed it in values that it should have masked."""
    with pytest.raises(MalformedJson) as refused:
        PLAN.check_ndjson(b'{"id":"0"}\r\n' + body)
    assert "Record 1" in refused.value.detail.en


@pytest.mark.parametrize("count", [1, 20])
def test_blanks_around_a_record_are_not_stored(count: int) -> None:
    bodies = [f' \t{{"id": "{number}"}}\t ' for number in range(count)]
    checked = PLAN.check_ndjson("\r\n".join(bodies).encode())
    assert checked.lines == [f'{{"id": "{number}"}}'.encode() for number in range(count)]
    assert checked.rejected == []


def test_a_rejected_record_is_kept_as_it_was_received() -> None:
    checked = PLAN.check_ndjson(b' {"id": 1} \n')
    assert [each.line for each in checked.rejected] == [b' {"id": 1} ']


@pytest.mark.parametrize("media", ["ndjson", "json"])
@pytest.mark.parametrize("repeated", [b"", b'{"id":"a"}', b'{"id":1}'])
def test_bytes_that_are_not_utf8_refuse_the_whole_body_in_any_order(
    media: str, repeated: bytes
) -> None:
    """Two records of one key before it made it a rejected record among others."""
    broken = b'{"id":"\xff"}'
    first = [line for line in (b'{"id":"a"}', repeated) if line]
    for found in ([*first, broken], [broken, *first]):
        body = b"\n".join(found) if media == "ndjson" else b"[" + b",".join(found) + b"]"
        with pytest.raises(InvalidUtf8):
            (PLAN.check_ndjson if media == "ndjson" else PLAN.check_json)(body)


def test_half_pairs_are_cut_where_they_stand() -> None:
    records = [r'{"id": "\ud800"}', r'"\\ud800"', "7", r'["\udfff,", "]"]', '{"id":"b"}']
    assert finished(split_json(f" [{' , '.join(records)}\n]".encode())) == [
        text.encode() for text in records
    ]


def test_an_array_of_very_many_elements_is_counted_before_they_are_made() -> None:
    """Eight megabytes of `[0,0,…]` once made 4,000,000 objects in one step of the event loop."""
    steps = split_json(b"[" + b"0," * 1_000_000 + b"0]")
    next(steps)
    with pytest.raises(TooManyRecords):
        finished(steps)
    with pytest.raises(MalformedJson):
        finished(split_json(b"[" + b"0," * 1_000_000 + b"]"))


def test_an_array_with_very_many_members_is_cut_as_a_small_one() -> None:
    records = [json.dumps({"id": "a,]", "n": [number] * 60}).encode() for number in range(5_000)]
    body = b"[\n" + b",\n".join(records) + b"]"
    assert finished(split_json(body)) == records


def test_nesting_is_measured_in_steps() -> None:
    body = b"[" + b"[]," * 50_000 + b"[" * 1_500 + b"]" * 1_500 + b"]"
    steps = split_json(body)
    assert sum(1 for _ in range(10) if next(steps) is None) == 10
    with pytest.raises(Invalid):
        finished(steps)


def test_as_many_lines_as_are_allowed() -> None:
    assert len(split_ndjson(b"{}\n" * RECORDS_MAX)) == RECORDS_MAX
    with pytest.raises(TooManyRecords):
        split_ndjson(b"{}\n" * (RECORDS_MAX + 1))
