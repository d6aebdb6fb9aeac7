"""The plan accepts exactly what the plain reference accepts, by every look and in every mixture."""

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.contracts.compile import Checked, compile_plan
from catalog.contracts.scanning.scanner import SCAN
from kernel import clock
from kernel.errors import MalformedJson, ShuyuanError
from tests.support.passes import told_twice
from tests.unit.catalog.contracts import reference
from tests.unit.catalog.contracts.samples import DIVISIONS, EVERYTHING, record, resident

PLAN = compile_plan(EVERYTHING, clock.today)

# Raw JSON tokens that are wrong somewhere, or right in an unusual way.
TOKENS = [
    "null", "true", "false", "0", "-0", "1", "-1", "1.0", "1e2", "1E-2", "0.5", "1.50", "1.500",
    "9999.99", "10000", "99.5", "99.6", "123.45", "0.1234", "1e400", "0e9", "-0.0", "12e-1",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "1" * 60, "01", "1.", ".5", "+1", "NaN",
    "Infinity", "-Infinity", '""', '"a"', '"1"', '"01"', '"1.5"', '"1.50"', '"-1.5"', '"1e2"',
    '"1.234"', '" 1"', '"1_0"', '"\\u0031"', '"１"', '"null"', '"\\u0000"', '"ab\\u0000"',
    '"\\\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"😀😀"', '"a\\nb"', '"a\\n"', '"\\n"', '"~%"',
    '"%7E"', '":x"', '"a\\":b"', '"a :b"', '"2024-02-29"', '"2023-02-29"', '"2024-2-9"',
    '"0000-01-01"', '"2024-04-31"', '"1900-02-29"', '"2000-02-29"', '"9999-12-31"',
    '"２024-01-01"', '"2024-01-01T00:00:00Z"', '"2024-01-01t00:00:00.123456789z"',
    '"2024-01-01 00:00:00Z"', '"2024-01-01T00:00:00+0800"', '"2024-01-01T24:00:00Z"',
    '"2024-01-01T00:00:60Z"', '"2024-01-01T00:00:00"', '"2024-02-30T00:00:00Z"',
    '"2024-01-01T00:00:00.1234567890Z"', '"2024-01-01T00:00:00-23:59"', '"桂A-12345"',
    '"桂A12345"', '"桂A12345\\n桂A12345"', '"桂A12345\\n"', '"13800000000"', '"23800000000"',
    '"138000000000"', '"45010"', f'"{DIVISIONS[5]}"', '"450101001"', '"999999"',
    '"11010519491231002X"', '"11010519491231002x"', '"110105194912310021"', '"810000199408230021"',
    '"11010519490230002X"', '"12100000400000624D"', '"12100000400000624E"', "[]", "{}", "[1]",
    '{"a":1}', "[[[]]]", "tru", "'a'", "nul", '"a', '"\t"',
]  # fmt: skip
NAMES = [*(field.name for field in EVERYTHING.fields), "unknown", "", "ID", "项"]
SPACES = st.sampled_from(["", "", "", " ", "\t", "  "])
# Inside of strings these are no JSON; elsewhere a body of JSON may hold them, a line may not.
BREAKS = st.sampled_from(["", "", " ", "\n", "\r", "\r\n", "\t\n "])


first_look = told_twice(SCAN)


def spelled(name: str, *, escaped: bool) -> str:
    """A name in plain or with its first character escaped: the same name to a reader."""
    if escaped and name:
        return f'"\\u{ord(name[0]):04x}{name[1:]}"'
    return json.dumps(name, ensure_ascii=False)


@st.composite
def members(draw: st.DrawFn, number: int, *, wild: bool) -> str:
    """A record's text: a valid one, with some members exchanged, repeated or left out."""
    pairs = [
        (name, json.dumps(value, ensure_ascii=False)) for name, value in record(number).items()
    ]
    if wild:
        for _ in range(draw(st.integers(1, 3))):
            place = draw(st.integers(0, len(pairs) - 1))
            change = draw(st.sampled_from(["token", "token", "token", "drop", "add"]))
            if change == "token":
                pairs[place] = (pairs[place][0], draw(st.sampled_from(TOKENS)))
            elif change == "drop" and len(pairs) > 1:
                del pairs[place]
            else:
                pairs.insert(place, (draw(st.sampled_from(NAMES)), draw(st.sampled_from(TOKENS))))
    parts = []
    for name, token in pairs:
        before = draw(SPACES) if wild else ""
        escaped = wild and draw(st.integers(0, 9)) == 0
        parts.append(
            f"{spelled(name, escaped=escaped)}{before}:{draw(SPACES) if wild else ''}{token}"
        )
    return "{" + ",".join(parts) + "}"


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    count = draw(st.sampled_from([1, 2, 7, 8, 9, 25]))
    strange = draw(st.integers(0, min(3, count)))
    wild = {draw(st.integers(0, count - 1)) for _ in range(strange)}
    repeated = draw(st.booleans())
    found = []
    for index in range(count):
        number = 0 if repeated and index == count - 1 else index
        found.append(draw(members(number, wild=index in wild)))
    two = found[0] + found[-1]
    around = draw(SPACES), draw(SPACES)
    found[-1] = found[-1].join(around)
    broken = ["", " ", "[]", "1", "null", '"a"', "{}", "{", "}", two, "{},", "\ufeff{}"]
    if draw(st.integers(0, 4)) == 0:
        found[draw(st.integers(0, count - 1))] = draw(st.sampled_from(broken))
    return found


def compare(check: Callable[[bytes], Checked], body: bytes, texts: list[bytes]) -> None:
    """`texts` are the records as they shall be judged and, without blanks around, stored."""
    findings, keys = reference.check(EVERYTHING, texts)
    valid = [index for index, found in enumerate(findings) if not found]
    checked = check(body)
    assert checked.records == len(texts)
    rejected = {
        each.index: {(error.path, error.code) for error in each.errors} for each in checked.rejected
    }
    assert rejected == {index: found for index, found in enumerate(findings) if found}
    assert [error.index for error in checked.errors()] == [
        each.index for each in checked.rejected for _ in each.errors
    ]
    assert checked.keys == [(keys[index] or "").encode() for index in valid]
    assert checked.indexes == (None if len(valid) == len(texts) else valid)
    assert checked.lines == [texts[index].strip(b" \t") for index in valid]


@settings(max_examples=150, deadline=None)
@given(lines(), st.booleans(), st.sampled_from([b"\n", b"\r\n"]))
def test_ndjson_is_judged_as_the_reference_judges_it(
    texts: list[str], ended: bool, line_break: bytes
) -> None:
    found = [text.encode() for text in texts]
    if found[-1] == b"":
        ended = True
    body = line_break.join(found) + (line_break if ended else b"")
    if body.strip():
        if body.startswith(b"\xef\xbb\xbf"):
            return
        compare(PLAN.check_ndjson, body, found)


@settings(max_examples=120, deadline=None)
@given(lines())
def test_an_array_is_judged_as_its_records_on_lines(texts: list[str]) -> None:
    found = []
    for text in texts:
        try:
            json.loads(text, parse_constant=int)
        except ValueError:
            continue
        found.append(text.strip().encode())
    if found:
        compare(PLAN.check_json, b"[" + b" ,\t".join(found) + b"]", found)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.booleans())
def test_one_object_of_json_is_judged_as_it_stands(data: st.DataObject, wild: bool) -> None:
    """`{"id":"a⏎b"}` was once taken, and stored as `a b`."""
    text = data.draw(members(3, wild=wild))
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + data.draw(BREAKS) + text[place:]
    body = text.encode()
    try:
        json.loads(text, parse_constant=int)
    except ValueError:
        with pytest.raises(MalformedJson):
            PLAN.check_json(body)
        return
    stored = re.sub(rb"[\r\n]", b" ", body.strip())
    compare(PLAN.check_json, body, [stored])
    compare(PLAN.check_json, b"[" + body + b"]", [stored])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_carriage_return_ends_a_line_or_refuses_the_body(data: st.DataObject) -> None:
    texts = [data.draw(members(number, wild=False)) for number in range(9)]
    body = "\r\n".join(texts)
    place = data.draw(st.integers(0, len(body)))
    text = (body[:place] + "\r" + body[place:]).encode()
    if re.search(rb"\r(?!\n)", text):
        with pytest.raises(MalformedJson):
            PLAN.check_ndjson(text)
    else:
        compare(PLAN.check_ndjson, text, [line.encode() for line in texts])


@pytest.mark.parametrize("name", [field.name for field in EVERYTHING.fields])
def test_every_strange_token_in_each_item(name: str) -> None:
    good = [json.dumps(record(number), ensure_ascii=False).encode() for number in range(9)]
    values = {key: json.dumps(value, ensure_ascii=False) for key, value in record(20).items()}
    for token in TOKENS:
        pairs = {**values, name: token}.items()
        strange = ("{" + ",".join(f'"{key}":{text}' for key, text in pairs) + "}").encode()
        for found in ([strange], [*good, strange]):
            compare(PLAN.check_ndjson, b"\n".join(found), found)
        try:
            json.loads(strange, parse_constant=int)
        except ValueError:
            with pytest.raises(MalformedJson):
                PLAN.check_json(strange)
        else:
            compare(PLAN.check_json, strange, [strange])


@pytest.mark.parametrize("name", [field.name for field in EVERYTHING.fields])
def test_each_item_missing_twice_or_elsewhere(name: str) -> None:
    good = [json.dumps(record(number), ensure_ascii=False).encode() for number in range(9)]
    values = {field.name: None for field in EVERYTHING.fields} | record(20)
    pairs = [f'"{key}":{json.dumps(value)}' for key, value in values.items()]
    here = next(pair for pair in pairs if pair.startswith(f'"{name}":'))
    others = [pair for pair in pairs if pair is not here]
    for strange in (others, [*pairs, here], [here, *pairs], [*others, here]):
        line = ("{" + ",".join(strange) + "}").encode()
        for found in ([line], [*good, line]):
            compare(PLAN.check_ndjson, b"\n".join(found), found)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_no_bytes_break_the_check(noise: bytes, place: int) -> None:
    """Whatever is sent is answered or refused in the errors of the contract, never by a crash."""
    body = json.dumps(record(1)).encode()
    for text in (noise, body[:place] + noise + body[place:]):
        for check in (PLAN.check_ndjson, PLAN.check_json, PLAN.check_keys_ndjson):
            try:
                checked = check(text)
            except ShuyuanError:
                continue
            assert len(checked.lines) + len(checked.rejected) == checked.records


def test_the_sample_records_are_valid() -> None:
    texts = [json.dumps(record(number)).encode() for number in range(50)]
    findings, _ = reference.check(EVERYTHING, texts)
    assert findings == [set()] * 50
    assert len({resident(number) for number in range(50)}) == 50
