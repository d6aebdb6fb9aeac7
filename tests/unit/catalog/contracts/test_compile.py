import json
from dataclasses import replace
from decimal import Decimal

import pytest

from catalog.contracts import lines, looks
from catalog.contracts.compile import Checked, Plan, compile_plan
from catalog.contracts.errors import (
    EmptyBody,
    LineTooLong,
    TooManyRecords,
    UnsafePattern,
    UnusableContract,
)
from catalog.contracts.model import Checker, DataType
from catalog.contracts.records import Examiner
from kernel.errors import Category, Invalid, InvalidUtf8, MalformedJson
from tests.unit.catalog.contracts.samples import (
    EVERYTHING,
    batch,
    contract,
    dump,
    item,
    line,
    record,
    resident,
)

PLAN = compile_plan(EVERYTHING)
SMALL = compile_plan(
    contract(
        item("id", DataType.STRING, key=True, max_length=9),
        item("n", DataType.INTEGER, required=False),
    )
)


def codes(checked: Checked) -> list[tuple[int | None, str, str]]:
    return [(error.index, error.path, error.code) for error in checked.errors()]


def test_valid_records_keep_their_own_bytes_and_give_their_keys() -> None:
    texts = batch(20)
    checked = PLAN.check_ndjson(b"\n".join(texts) + b"\n")
    assert checked.lines == texts
    assert checked.keys[7] == f"{resident(7)}~7~户7".encode()
    assert (checked.records, checked.rejected, checked.indexes) == (20, [], None)


@pytest.mark.parametrize("count", [1, 7, 8, 500])
def test_a_good_batch_is_never_looked_at_in_full(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the slow look was taken")

    monkeypatch.setattr(Examiner, "examine", refuse)
    texts = batch(count)
    assert len(PLAN.check_ndjson(b"\n".join(texts)).keys) == count
    assert len(PLAN.check_json(b"[" + b",".join(texts) + b"]").keys) == count


def test_a_good_batch_is_looked_at_by_column_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks.Looks, "_glance", None)
    assert len(PLAN.check_ndjson(b"\n".join(batch(8))).keys) == 8


def test_an_array_and_lines_give_the_same_records() -> None:
    texts = batch(12)
    array = json.dumps([json.loads(text) for text in texts], ensure_ascii=False, indent=2).encode()
    checked = PLAN.check_json(array)
    assert checked.keys == PLAN.check_ndjson(b"\n".join(texts)).keys
    assert [json.loads(each) for each in checked.lines] == [json.loads(text) for text in texts]


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\r", "\n\n  \n"])
def test_a_record_of_a_pretty_array_becomes_one_line(gap: str) -> None:
    body = f'[{{"id":{gap}"a"}},{gap}{{{gap}"id":"b"}}]'.encode()
    checked = SMALL.check_json(body)
    assert checked.keys == [b"a", b"b"]
    assert all(b"\n" not in each and b"\r" not in each for each in checked.lines)


def test_one_object_may_stand_alone() -> None:
    checked = SMALL.check_json(b' {"id": "a",\n "n": 1} \n')
    assert checked.lines == [b'{"id": "a",  "n": 1}']
    assert SMALL.check_json(b"5").rejected[0].errors[0].code == "wrong_type"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_trailing_newline_is_fine_and_crlf_ends_a_line(end: bytes) -> None:
    separator = b"\r\n" if end == b"\r\n" else b"\n"
    checked = SMALL.check_ndjson(separator.join([b'{"id":"a"}', b'{"id":"b"}']) + end)
    assert checked.lines == [b'{"id":"a"}', b'{"id":"b"}']


@pytest.mark.parametrize("blank", [b"", b" ", b"\t", b"\r"])
@pytest.mark.parametrize("count", [1, 12])
def test_a_blank_line_is_not_fine(blank: bytes, count: int) -> None:
    texts = [f'{{"id":"{number}"}}'.encode() for number in range(count)]
    checked = SMALL.check_ndjson(b"\n".join([*texts, blank, b'{"id":"x"}']))
    assert codes(checked) == [(count, "", "empty_line")]
    assert checked.indexes == [*range(count), count + 1]


def test_two_records_on_a_line_never_stand_for_two_lines() -> None:
    texts = [f'{{"id":"{number}"}}'.encode() for number in range(12)]
    body = b"\n".join([texts[0] + texts[1], *texts[2:], b""]) + b"\n"
    assert codes(SMALL.check_ndjson(body)) == [(0, "", "malformed_json"), (11, "", "empty_line")]


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\t", b"\n\n\n"])
def test_an_empty_body_is_refused(body: bytes) -> None:
    for check in (SMALL.check_ndjson, SMALL.check_json, SMALL.check_keys_ndjson):
        with pytest.raises(EmptyBody) as caught:
            check(body)
        assert (caught.value.code, caught.value.category) == ("empty_body", Category.INVALID)


def test_an_empty_array_is_an_empty_body() -> None:
    with pytest.raises(EmptyBody):
        SMALL.check_json(b" [ ] ")


def test_ten_thousand_records_pass_and_one_more_does_not() -> None:
    texts = [f'{{"id":"{number}"}}'.encode() for number in range(lines.RECORDS_MAX + 1)]
    assert SMALL.check_ndjson(b"\n".join(texts[:-1]) + b"\n").records == lines.RECORDS_MAX
    assert SMALL.check_json(b"[" + b",".join(texts[:-1]) + b"]").records == lines.RECORDS_MAX
    for check, body in (
        (SMALL.check_ndjson, b"\n".join(texts)),
        (SMALL.check_json, b"[" + b",".join(texts) + b"]"),
    ):
        with pytest.raises(TooManyRecords) as caught:
            check(body)
        assert caught.value.code == "too_many_records"


def test_a_line_of_a_mebibyte_passes_and_a_byte_more_does_not() -> None:
    plan = compile_plan(
        contract(item("id", DataType.STRING, key=True, max_length=9), item("text", DataType.STRING))
    )

    def text(number: int, size: int) -> bytes:
        bare = dump({"id": str(number), "text": ""})
        return bare[:-2] + b"x" * (size - len(bare)) + bare[-2:]

    full, longer = text(0, lines.LINE_BYTES_MAX), text(1, lines.LINE_BYTES_MAX + 1)
    assert plan.check_ndjson(full + b"\n" + text(1, 50)).rejected == []
    for check, body in (
        (plan.check_ndjson, full + b"\n" + longer),
        (plan.check_json, b"[" + full + b"," + longer + b"]"),
    ):
        with pytest.raises(LineTooLong) as caught:
            check(body)
        assert (caught.value.code, caught.value.facts["index"]) == ("line_too_long", 1)


@pytest.mark.parametrize("bad", [b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xe4\xb8"])
@pytest.mark.parametrize("count", [1, 20])
def test_bytes_that_are_not_utf8_refuse_the_whole_body(bad: bytes, count: int) -> None:
    texts = batch(count)
    texts[-1] = texts[-1].replace("朝阳路".encode(), bad)
    for check, body in (
        (PLAN.check_ndjson, b"\n".join(texts)),
        (PLAN.check_json, b"[" + b",".join(texts) + b"]"),
    ):
        with pytest.raises(InvalidUtf8):
            check(body)


def test_bytes_that_are_not_utf8_inside_a_decimal_are_found_too() -> None:
    texts = batch(20)
    texts[3] = line(3, price="@").replace(b"@", b"\xff")
    with pytest.raises(InvalidUtf8):
        PLAN.check_json(b"[" + b",".join(texts) + b"]")


def test_a_byte_order_mark_is_refused_by_name() -> None:
    for check in (SMALL.check_ndjson, SMALL.check_json):
        with pytest.raises(MalformedJson, match="byte order mark"):
            check(b'\xef\xbb\xbf{"id":"a"}')


@pytest.mark.parametrize("body", [b'[{"id":"a"}', b'{"id":"a"}{"id":"b"}', b"{,}", b'["\\ud800",]'])
def test_a_json_body_is_json_as_a_whole_or_not_at_all(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        SMALL.check_json(body)


def test_a_broken_line_is_400_for_all_or_nothing_and_one_rejection_else() -> None:
    checked = SMALL.check_ndjson(b'{"id":"a"}\n{"id":\n{"id":5}')
    assert codes(checked) == [(1, "", "malformed_json"), (2, "id", "wrong_type")]
    assert checked.keys == [b"a"]
    refusal = checked.refusal()
    assert isinstance(refusal, MalformedJson)
    assert (refusal.error_count, len(refusal.errors)) == (2, 2)


def test_every_error_of_a_record_is_found_and_says_why_in_two_languages() -> None:
    checked = PLAN.check_ndjson(line(1, org="x", sex="7", born="2023-02-30", alive=1, extra=2))
    assert codes(checked) == [
        (0, "org", "pattern"),
        (0, "sex", "not_in_code_list"),
        (0, "born", "wrong_type"),
        (0, "alive", "wrong_type"),
        (0, "extra", "unknown_item"),
    ]
    for error in checked.errors():
        assert error.zh
        assert error.en
    first = next(checked.errors())
    assert first.zh == "“项org”应为 18 位统一社会信用代码"
    assert isinstance(checked.refusal(), Invalid)


def test_a_message_names_the_bound_and_never_the_value() -> None:
    checked = PLAN.check_ndjson(line(1, text="秘密秘密秘密秘密秘密", rooms=1234567))
    rooms, text = checked.errors()
    assert (text.code, text.zh) == ("too_long", "“项text”至多 8 个字符")
    assert (rooms.code, rooms.en) == (
        "out_of_range",
        "项rooms is out of range: at least 1, at most 99",
    )
    assert "秘密" not in text.zh + text.en


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"born": None}, "born", "null_not_allowed"),
        ({"note": ""}, "note", "too_short"),
        ({"note": "一二三四五六七"}, "note", "too_long"),
        ({"id": "110105194912310021"}, "id", "check_digit"),
        ({"text": "a\0b"}, "text", "pattern"),
        ({"text": [["a"]]}, "text", "wrong_type"),
        ({"batch": 1.0}, "batch", "wrong_type"),
        ({"alive": "true"}, "alive", "wrong_type"),
        ({"price": "1.234"}, "price", "out_of_range"),
        ({"price": -1}, "price", "out_of_range"),
        ({"plate": "桂A12345\n桂A12345"}, "plate", "pattern"),
    ],
)
@pytest.mark.parametrize("count", [0, 20])
def test_each_fault_has_its_code(
    changes: dict[str, object], path: str, code: str, count: int
) -> None:
    checked = PLAN.check_ndjson(b"\n".join([*batch(count), line(99, **changes)]))
    assert codes(checked) == [(count, path, code)]


def test_a_missing_item_is_missing_and_an_absent_optional_one_is_not() -> None:
    whole = record(1)
    del whole["mobile"], whole["sex"]
    assert codes(PLAN.check_ndjson(dump(whole))) == [(0, "sex", "missing")]


@pytest.mark.parametrize("count", [0, 20])
@pytest.mark.parametrize("twin", ["id", "\\u0069d", "text"])
def test_a_name_twice_in_one_record_is_refused(count: int, twin: str) -> None:
    """A reader might take the first value and the validator the last."""
    strange = line(50, text="朝阳路")[:-1] + f',"{twin}" :{json.dumps(resident(50))}}}'.encode()
    if twin == "text":
        strange = line(50, text="朝阳路")[:-1] + b',"text":"abc"}'
    checked = PLAN.check_ndjson(b"\n".join([*batch(count), strange]))
    path = "text" if twin == "text" else "id"
    assert codes(checked) == [(count, path, "duplicate_key")]


def test_a_member_twice_is_seen_though_another_record_lacks_one() -> None:
    """The counts of members of the whole batch would cancel out if absences were not counted."""
    texts = [b'{"id":"%d","n":1}' % number for number in range(20)]
    texts[3] = b'{"id":"3"}'
    texts[4] = b'{"id":"4","n":1,"n":2}'
    assert codes(SMALL.check_ndjson(b"\n".join(texts))) == [(4, "n", "duplicate_key")]


@pytest.mark.parametrize("count", [0, 20])
def test_a_key_twice_in_a_batch_is_refused_at_its_second_place(count: int) -> None:
    checked = PLAN.check_ndjson(b"\n".join([*batch(count), line(70), line(71), line(70)]))
    assert codes(checked) == [(count + 2, "id,batch,note", "duplicate_key")]
    assert checked.records == count + 3
    assert len(checked.lines) == count + 2


def test_a_key_of_a_rejected_record_still_counts() -> None:
    checked = PLAN.check_ndjson(b"\n".join([line(1, sex="7"), line(1)]))
    assert [error.code for error in checked.errors()] == ["not_in_code_list", "duplicate_key"]


def test_a_key_beyond_its_bound_is_refused() -> None:
    plan = compile_plan(contract(item("id", DataType.STRING, key=True)))
    texts = [dump({"id": f"{number:04d}" + "字" * 340}) for number in range(12)]
    assert plan.check_ndjson(b"\n".join(texts)).rejected == []
    texts[5] = dump({"id": "字" * 342})
    assert codes(plan.check_ndjson(b"\n".join(texts))) == [(5, "id", "too_long")]


@pytest.mark.parametrize("depth", [33, 900, 100_000])
def test_deep_nesting_is_too_deep_and_costs_no_stack(depth: int) -> None:
    deep = b'{"id":"b","n":' + b"[" * depth + b"]" * depth + b"}"
    checked = SMALL.check_ndjson(b'{"id":"a"}\n' + deep)
    assert codes(checked) == [(1, "", "too_deep")]
    try:
        found = codes(SMALL.check_json(b'[{"id":"a"},' + deep + b"]"))
    except Invalid as error:
        found = [(each.index, each.path, each.code) for each in error.errors]
    assert found == [(1, "", "too_deep")]


def test_brackets_inside_a_string_are_not_nesting() -> None:
    plan = compile_plan(
        contract(item("id", DataType.STRING, key=True, max_length=9), item("text", DataType.STRING))
    )
    assert plan.check_ndjson(dump({"id": "a", "text": '\\"' + "[" * 99})).rejected == []


def test_an_unclosed_string_of_quotes_is_read_in_linear_time() -> None:
    body = b'{"id":"' + b'\\"' * 500_000 + b"[" * 40
    assert codes(SMALL.check_ndjson(body)) == [(0, "", "malformed_json")]


def test_half_a_surrogate_pair_is_wrong_in_its_own_record_only() -> None:
    texts = [b'{"id":"a, ]"}', b'{"id":"\\ud83d"}', b'{"id":"c","n":[1,{"a":[2]}]}']
    for checked in (
        SMALL.check_ndjson(b"\n".join(texts)),
        SMALL.check_json(b" [ " + b" , ".join(texts) + b" ] "),
    ):
        assert codes(checked) == [(1, "id", "pattern"), (2, "n", "wrong_type")]
        assert checked.lines == texts[:1]


def test_an_unknown_name_is_shown_short_and_sound() -> None:
    body = b'{"id":"a","\\ud800' + b"x" * 500 + b'":1}'
    (error,) = SMALL.check_ndjson(body).errors()
    assert (error.code, len(error.path)) == ("unknown_item", 100)
    error.path.encode()


def test_errors_of_a_record_are_listed_up_to_a_bound_and_all_counted() -> None:
    body = dump({"id": "a", **{f"x{number}": 1 for number in range(500)}})
    checked = SMALL.check_ndjson(body)
    assert (len(checked.rejected[0].errors), checked.error_count) == (32, 500)
    assert checked.rejected[0].line == body


def test_ten_thousand_bad_records_list_a_hundred_errors_and_count_all() -> None:
    body = b"\n".join(b'{"id":%d,"m":1}' % number for number in range(10_000))
    refusal = SMALL.check_ndjson(body).refusal()
    assert (len(refusal.errors), refusal.error_count) == (100, 20_000)


def test_a_delete_holds_the_key_items_only() -> None:
    key = {name: record(1)[name] for name in ("id", "batch", "note")}
    checked = PLAN.check_keys_ndjson(dump(key))
    assert checked.keys == PLAN.check_ndjson(line(1)).keys
    assert PLAN.check_keys_json(b"[" + dump(key) + b"]").keys == checked.keys
    assert codes(PLAN.check_keys_ndjson(dump({**key, "sex": "1"}))) == [(0, "sex", "unknown_item")]
    assert codes(PLAN.check_keys_ndjson(dump({"id": key["id"], "batch": None}))) == [
        (0, "batch", "null_not_allowed"),
        (0, "note", "missing"),
    ]


def test_a_key_whose_code_left_the_list_can_still_be_deleted() -> None:
    plan = compile_plan(contract(item("code", DataType.CODE, key=True, values=("450181",))))
    assert codes(plan.check_ndjson(b'{"code":"450127"}')) == [(0, "code", "not_in_code_list")]
    assert plan.check_keys_ndjson(b'{"code":"450127"}').keys == [b"450127"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("1", "2", "9"), ("1", "2", "9")),
        (tuple(str(number) for number in range(101)), ()),
        (("甲" * 400, "1"), ()),
    ],
)
def test_a_code_that_is_none_is_told_which_ones_are_unless_they_are_many(
    values: tuple[str, ...], told: tuple[str, ...]
) -> None:
    """A 422 never said what is allowed (F10); a hundred errors must not repeat a long list."""
    code = item("code", DataType.CODE, required=False, values=values)
    plan = compile_plan(contract(item("id", DataType.INTEGER, key=True), code))
    [wrong] = plan.check_ndjson(b'{"id":1,"code":"x"}').errors()
    assert (wrong.code, wrong.allowed) == ("not_in_code_list", told)
    [other] = plan.check_ndjson(b'{"id":1,"code":3}').errors()
    assert (other.code, other.allowed) == ("wrong_type", ())


def test_items_may_have_any_name() -> None:
    names = ("姓名", "class", "f0", "a-b", "a b", "__init__", "f1")
    plan = compile_plan(
        contract(*(item(name, DataType.STRING, key=name == "姓名") for name in names))
    )
    texts = [dump({name: f"{name}{number}" for name in names}) for number in range(12)]
    assert plan.check_ndjson(b"\n".join(texts)).keys[11] == "姓名11".encode()


@pytest.mark.parametrize("values", [(), tuple(str(number) for number in range(100, 2000))])
def test_a_code_list_may_be_empty_or_long(values: tuple[str, ...]) -> None:
    plan = compile_plan(
        contract(
            item("id", DataType.INTEGER, key=True),
            item("code", DataType.CODE, required=False, values=values),
        )
    )
    texts = [b'{"id":%d,"code":"%d"}' % (number, 100 + number) for number in range(12)]
    texts.append(b'{"id":90}')
    accepted = len(plan.check_ndjson(b"\n".join(texts)).lines)
    assert accepted == (13 if values else 1)
    assert codes(plan.check_ndjson(b'{"id":1,"code":"7"}')) == [(0, "code", "not_in_code_list")]


@pytest.mark.parametrize(
    "change",
    [
        {"key": False},
        {"max_length": 0},
        {"min_length": 5, "max_length": 4},
        {"minimum": Decimal(2), "maximum": Decimal(1)},
        {"precision": 2, "scale": 3},
        {"scale": -1},
    ],
)
def test_a_contract_that_no_record_could_keep_is_refused(change: dict[str, object]) -> None:
    field = item("id", DataType.STRING, **{"key": True, **change})
    with pytest.raises(UnusableContract):
        compile_plan(contract(field))


@pytest.mark.parametrize("bound", [{"maximum": -(2**63) - 1}, {"minimum": 2**63}])
def test_integers_beyond_64_bits_are_refused_with_their_item(bound: dict[str, int]) -> None:
    """The decoder failed on them; elements have no such bounds, examples are made of any."""
    limits = {name: Decimal(value) for name, value in bound.items()}
    with pytest.raises(UnusableContract) as refused:
        compile_plan(contract(item("n", DataType.INTEGER, key=True, **limits)))
    assert [error.path for error in refused.value.errors] == ["n"]


def test_two_items_of_one_name_are_refused() -> None:
    field = item("id", DataType.STRING, key=True)
    with pytest.raises(UnusableContract):
        compile_plan(contract(field, replace(field, checker=Checker.MOBILE)))


def test_an_unsafe_pattern_is_refused_when_the_plan_is_made() -> None:
    with pytest.raises(UnsafePattern):
        compile_plan(contract(item("id", DataType.STRING, key=True, pattern="(a+)+b")))


def test_a_plan_knows_its_contract() -> None:
    assert isinstance(PLAN, Plan)
    assert PLAN.contract is EVERYTHING
