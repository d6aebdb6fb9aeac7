"""What is stored is what was checked: how a body is cut into records."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.contracts import lines
from catalog.contracts.compile import compile_plan
from catalog.contracts.errors import TooManyRecords
from catalog.contracts.lines import RECORDS_MAX, require_utf8, split_json, split_ndjson
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
    assert len(finished(split_ndjson(b"{}\n" * RECORDS_MAX))) == RECORDS_MAX
    with pytest.raises(TooManyRecords):
        finished(split_ndjson(b"{}\n" * (RECORDS_MAX + 1)))


# A character has four bytes at most, and each portion one at least.
PORTIONS = st.integers(4, 9)
TEXT = st.text("a邕😀\n\x7f", min_size=1, max_size=40)


@given(TEXT, PORTIONS)
def test_lines_are_the_same_however_many_bytes_are_cut_at_once(text: str, at_once: int) -> None:
    """A body of 8 MiB took 5 ms of the event loop in one step."""
    body = text.encode() + b"."
    for end in (b"", b"\n"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lines, "_BYTES_AT_ONCE", at_once)
            assert finished(split_ndjson(body + end)) == body.split(b"\n")


@given(TEXT, st.binary(max_size=3), TEXT, PORTIONS)
def test_what_is_not_utf8_is_found_where_it_stands(
    before: str, odd: bytes, after: str, at_once: int
) -> None:
    """A character may be cut in two by a portion, and is none the less one."""
    body = before.encode() + odd + after.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BYTES_AT_ONCE", at_once)
        try:
            body.decode()
        except UnicodeDecodeError as error:
            with pytest.raises(InvalidUtf8, match=f"at byte {error.start}$"):
                finished(require_utf8(body))
        else:
            finished(require_utf8(body))


@pytest.mark.parametrize("line", ['{"id":"1"}', '{"id":"a"}', ' {"id":"\\u0061"}'])
def test_a_large_body_is_checked_in_steps_of_a_part_of_it(line: str) -> None:
    """What reads all of a body at once holds the event loop for 5 ms: P9."""
    body = "\n".join([line + " " * 8_000] * 1_000).encode()
    steps = PLAN.ndjson(body)
    before_anything_is_said = sum(1 for _ in range(20) if next(steps) is None)
    assert before_anything_is_said == 20
