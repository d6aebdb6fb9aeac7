"""No body holds the event loop: errors are bounded, and checking pauses by what it does (P9)."""

import json
from dataclasses import replace
from itertools import islice
from typing import TypeVar

import pytest

from catalog.contracts.compile import Plan, compile_plan, compiling
from catalog.contracts.domains import domains_of
from catalog.contracts.looks import ERRORS_LISTED_LATER_MAX, ERRORS_LISTED_MAX
from catalog.contracts.model import DataType
from catalog.contracts.patterns import VALUE_LENGTH_MAX
from catalog.contracts.reading import members_of
from catalog.contracts.records import Examiner
from catalog.contracts.scanning.tables import plan_of
from kernel.errors import REPORTED_ERRORS_MAX
from kernel.identifiers import any_day
from kernel.turns import Steps, finished
from tests.unit.catalog.contracts.samples import EVERYTHING, contract, dump, item, record

Made = TypeVar("Made")
SMALL = compile_plan(EVERYTHING)
WIDE = compile_plan(
    contract(
        item("id", DataType.STRING, key=True),
        *(item(f"i{number}", DataType.STRING) for number in range(299)),
    )
)


def counted(steps: Steps[Made]) -> tuple[int, Made]:
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return count, done.value
        count += 1


def many_members(count: int) -> bytes:
    return ("{" + ",".join(f'"{number}":0' for number in range(count)) + "}").encode()


def test_a_line_of_unknown_names_lists_few_errors_and_counts_all() -> None:
    """Eight lines of a megabyte once were a step of eight seconds and 800,000 objects."""
    pauses, checked = counted(SMALL.ndjson(many_members(50_000)))
    (rejected,) = checked.rejected
    missing = sum(field.mandatory for field in EVERYTHING.fields)
    assert len(rejected.errors) == ERRORS_LISTED_MAX
    assert rejected.error_count == 50_000 + missing
    assert pauses >= 50


def test_a_batch_of_errors_lists_what_is_shown_and_kept() -> None:
    checked = SMALL.check_ndjson(b"\n".join([many_members(40)] * 500))
    later = checked.rejected[REPORTED_ERRORS_MAX // ERRORS_LISTED_MAX + 1 :]
    assert {len(each.errors) for each in later} == {ERRORS_LISTED_LATER_MAX}
    assert sum(1 for _ in islice(checked.errors(), REPORTED_ERRORS_MAX)) == REPORTED_ERRORS_MAX
    assert {each.error_count for each in checked.rejected} == {checked.rejected[0].error_count}


def test_many_items_make_many_pauses() -> None:
    """`{}` 5,461 times in 16 KiB, 300 items each, once was one step of three seconds."""
    body = b"[" + b",".join([b"{}"] * 2_000) + b"]"
    assert not WIDE.at_once(body)
    pauses, checked = counted(WIDE.json(body))
    assert checked.error_count == 2_000 * 300
    assert pauses >= 400


@pytest.mark.parametrize(
    ("plan", "body", "at_once"),
    [
        (SMALL, dump(record(1)), True),
        (SMALL, b"\n".join([dump(record(number)) for number in range(30)]), True),
        (SMALL, b"\n".join([dump(record(number)) for number in range(60)]), False),
        (SMALL, b"[" + b"1," * 5_000 + b"1]", False),
        (SMALL, b"\n" * 9_000, False),
        (WIDE, dump({f"i{number}": "x" for number in range(299)}), True),
        (WIDE, b"[" + dump({f"i{number}": "x" for number in range(299)}) + b"]", False),
        (WIDE, dump({"id": "a"}), True),
    ],
)
def test_only_a_body_of_few_records_and_items_needs_no_turns(
    plan: Plan, body: bytes, at_once: bool
) -> None:
    assert plan.at_once(body) is at_once


def test_a_large_body_of_large_records_pauses_by_its_bytes() -> None:
    one = contract(item("id", DataType.INTEGER, key=True), item("text", DataType.STRING))
    lines = [dump({"id": number, "text": "x" * 100_000}) for number in range(40)]
    plan = compile_plan(one)
    pauses, checked = counted(plan.ndjson(b"\n".join(lines)))
    assert checked.lines == lines
    assert pauses >= 20


UNDECIDED = r"[ab]*[ab]*c"


def test_a_pattern_with_many_ways_pauses_after_few_values() -> None:
    one = contract(
        item("id", DataType.INTEGER, key=True), item("text", DataType.STRING, pattern=UNDECIDED)
    )
    plan = compile_plan(one)
    body = b"\n".join([dump({"id": number, "text": "ab" * 20 + "c"}) for number in range(200)])
    pauses, checked = counted(plan.ndjson(body))
    assert checked.rejected == []
    assert pauses >= 10
    assert not plan.at_once(body[: body.index(b"\n")] * 20)


def test_a_pattern_with_many_ways_never_reads_an_endless_value() -> None:
    """A greatest length of a million would make a million ways of the thousand it was judged by."""
    text = item("text", DataType.STRING, pattern=UNDECIDED, max_length=1_000_000)
    decided = replace(text, pattern="a*b")
    value = "a" * VALUE_LENGTH_MAX
    for field, code in ((text, ["too_long"]), (decided, [])):
        plan = compile_plan(contract(item("id", DataType.INTEGER, key=True), field))
        checked = plan.check_ndjson(dump({"id": 1, "text": value + "b"}))
        assert [error.code for error in checked.errors()] == code


@pytest.mark.parametrize(
    "text",
    ['{"a\\u0000": 1}', '{"a\\u202eb": 1}', '{"\\ud800": 1}', '{"\\u200bid": 1}', '{"\\u001b": 1}'],
)
def test_the_name_of_an_unknown_item_holds_nothing_that_cannot_be_shown(text: str) -> None:
    """A NUL in it was a 500 of `/validate`, and in quarantine a receipt that was 500 for ever."""
    checked = SMALL.check_ndjson(text.encode())
    (path,) = [error.path for error in checked.errors() if error.code == "unknown_item"]
    assert "\x00" not in path
    assert path.encode().decode().isprintable()


def test_members_are_read_as_python_reads_them() -> None:
    text = (
        ' { "a\\u0061" : -1.50e3 , "b":"\\ud83d\\ude00\\ud800","c":[{"]":"}"}],"d":null,"c":true}'
    )
    steps = members_of(text.encode())
    with pytest.raises(StopIteration) as done:
        next(steps)
    names = [name for name, _ in json.loads(text, object_pairs_hook=list)]
    members = done.value.value
    assert [name for name, _ in members] == names
    assert [value for name, value in members if name != "c"] == ["-1.50e3", "😀\ud800", None]
    assert members[-1][1] is True


def test_an_examiner_lists_no_more_than_it_is_asked_for() -> None:
    examiner = Examiner(EVERYTHING.fields, any_day, domains_of(EVERYTHING.fields))
    errors, count, key = finished(examiner.examine(b"{}", 7, 2))
    assert [error.index for error in errors] == [7, 7]
    assert count > len(errors)
    assert key is None


def test_a_list_that_many_items_share_is_prepared_once() -> None:
    """20,000 codes in 299 items once took 21 seconds of the event loop and 96 MB."""
    codes = tuple(f"{number:012d}" for number in range(20_000))
    coded = item("c", DataType.CODE, values=codes)
    fields = (
        item("id", DataType.STRING, key=True),
        *(replace(coded, name=f"i{number}") for number in range(299)),
    )
    pauses, plan = counted(compiling(contract(*fields)))
    assert 20 <= pauses <= 40
    assert sum(plan.parts().values()) < 10_000_000
    domains = domains_of(fields)
    assert len({id(domains.of(field)) for field in fields[1:]}) == 1
    table = finished(plan_of(fields, domains))
    assert table is not None
    assert len(table) < 100_000
    good = {"id": "a", **{field.name: codes[-1] for field in fields[1:]}}
    assert plan.check_ndjson(dump(good)).rejected == []
    assert plan.check_ndjson(dump({**good, "i7": "x"})).error_count == 1
