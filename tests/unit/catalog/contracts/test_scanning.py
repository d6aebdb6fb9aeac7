"""The compiled pass: automata that read what the patterns read, and what it passes or doubts."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.contracts.domains import domains_of
from catalog.contracts.keys import KEY_BYTES_MAX
from catalog.contracts.model import DataType, Field
from catalog.contracts.patterns import compile_lines, portable
from catalog.contracts.rules import matches
from catalog.contracts.scanning import tables
from catalog.contracts.scanning.automaton import CELLS_MAX, Effort, TooLarge, of_pattern
from catalog.contracts.scanning.scanner import SCAN, Scanner
from kernel.turns import finished
from tests.unit.catalog.contracts.samples import EVERYTHING, item, record

PATTERNS = [
    "", "a", "ab|cd|", "[A-C]{2,3}x?", "a*b+", "(?:ab|a)(?:c|bcd)", r"^桂[A-Z]-?[A-Z0-9]{5}$",
    "[^a桂]", r"\d{3}(?:\.\d{1,2})?", r"\w+@\w+", ".{0,4}", "(?:a|b)*", "[一-龥]{1,3}",
    r"\S\s?\D", "a{3}b{0}",
]  # fmt: skip
LETTERS = "aAbBcdxX01.-@ _桂龥😀é"


@pytest.fixture(autouse=True, scope="module")
def loaded() -> Iterator[None]:
    SCAN.load()
    yield
    SCAN.unload()


def keys_of(
    lines: list[bytes], fields: tuple[Field, ...] = EVERYTHING.fields
) -> list[bytes] | None:
    text = b"\n".join((*lines, b""))
    scanned = finished(Scanner(fields, domains_of(fields)).read(text, len(lines)))
    assert scanned is None or scanned.records == lines
    return None if scanned is None else [*scanned.keys]


def plan_of(fields: Sequence[Field]) -> tables.Plan | None:
    return finished(tables.plan_of(fields, domains_of(fields)))


def lines_of(*texts: str) -> list[bytes]:
    return [text.encode() for text in texts]


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=150, deadline=None)
@given(text=st.text(LETTERS, max_size=9))
def test_an_automaton_reads_what_its_pattern_reads(pattern: str, text: str) -> None:
    found = of_pattern(pattern, Effort()).accept(text)
    assert found is matches(compile_lines(pattern), text), text


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_a_pattern_reads_its_automaton_reads(pattern: str) -> None:
    machine, lines = of_pattern(pattern, Effort()), compile_lines(pattern)
    drawn = st.from_regex(re.compile(portable(pattern)), fullmatch=True, alphabet=LETTERS)

    @settings(max_examples=50, deadline=None)
    @given(drawn)
    def agree(text: str) -> None:
        assert machine.accept(text)
        assert matches(lines, text)

    agree()


@given(st.sets(st.text("01桂a", min_size=1, max_size=4)), st.text("01桂a", max_size=5))
def test_a_code_is_passed_where_it_is_listed(codes: set[str], text: str) -> None:
    fields = (item("a", DataType.CODE, key=True, values=tuple(codes)),)
    assert keys_of(lines_of(f'{{"a":"{text}"}}'), fields) == (
        [text.encode()] if text in codes else None
    )


@pytest.mark.parametrize(
    "pattern",
    ["(?:a|b)*a" + "(?:a|b)" * 20, ".{0,60}x.{50}", "[ab]{0,30}a[ab]{20}", "(?:a{99}){99}"],
)
def test_a_pattern_that_would_take_long_is_left_to_others(pattern: str) -> None:
    """One held the event loop for two seconds while its automaton was made."""
    with pytest.raises(TooLarge):
        of_pattern(pattern, Effort())
    assert plan_of((item("a", DataType.STRING, key=True, pattern=pattern),)) is None


def test_many_patterns_may_not_take_longer_than_one() -> None:
    fields = [item(f"a{n}", DataType.STRING, key=not n, pattern=".{0,1000}") for n in range(9)]
    assert plan_of(fields[:3]) is not None
    assert plan_of(fields) is None


def test_a_code_list_that_would_be_too_large_is_left_to_others() -> None:
    codes = tuple(f"{number:0100d}" for number in range(CELLS_MAX // 15))
    listed = item("a", DataType.CODE, key=True, values=codes)
    assert plan_of((listed,)) is None
    assert plan_of((replace(listed, values=codes[2:]),)) is not None


def test_ordinary_records_are_passed_with_their_keys() -> None:
    texts = [json.dumps(record(number), ensure_ascii=False) for number in range(1200)]
    found = keys_of(lines_of(*texts))
    assert found is not None
    values = [record(number) for number in range(1200)]
    assert found == [f"{each['id']}~{each['batch']}~{each['note']}".encode() for each in values]


def test_spaces_other_orders_and_absent_items_are_passed() -> None:
    values = dict(sorted(record(3).items()))
    absent = {field.name for field in EVERYTHING.fields if not field.mandatory}
    fewer = {name: value for name, value in values.items() if name not in absent}
    nulls = {**values, **dict.fromkeys(absent)}
    texts = [
        json.dumps(each, ensure_ascii=False, separators=(" ,\t", " : "))
        for each in (values, fewer, nulls)
    ]
    assert keys_of(lines_of(*texts)) is not None


@pytest.mark.parametrize("around", [" {}", "{} ", "\t{}", "{}\t"])
def test_blanks_around_a_record_are_doubted_because_nobody_stores_them(around: str) -> None:
    text = json.dumps(record(3), ensure_ascii=False)
    assert keys_of(lines_of(around.replace("{}", text))) is None


@pytest.mark.parametrize("name", [field.name for field in EVERYTHING.fields])
def test_an_escape_is_doubted_wherever_it_stands(name: str) -> None:
    values = {**record(1), name: "\n"}
    assert keys_of(lines_of(json.dumps(values, ensure_ascii=False))) is None


def test_a_member_twice_or_unknown_is_doubted() -> None:
    text = json.dumps(record(1), ensure_ascii=False)
    assert keys_of(lines_of(text)) is not None
    assert keys_of(lines_of(f'{text[:-1]},"alive":true}}')) is None
    assert keys_of(lines_of(f'{text[:-1]},"other":true}}')) is None


@pytest.mark.parametrize("cut", range(0, 300, 7))
def test_a_record_that_ends_too_soon_is_doubted(cut: int) -> None:
    whole = json.dumps(record(1), ensure_ascii=False).encode()
    assert keys_of([whole[: min(cut, len(whole) - 1)]]) is None


@settings(max_examples=400, deadline=None)
@given(st.binary(min_size=1, max_size=4))
def test_text_is_passed_only_where_it_is_utf8(noise: bytes) -> None:
    fields = (item("a", DataType.STRING, key=True),)
    found = keys_of([b'{"a":"' + noise + b'"}'], fields)
    try:
        plain = json.loads('"' + noise.decode() + '"')
    except ValueError:
        assert found is None
        return
    if set('"\\~%').isdisjoint(plain) and b"\\" not in noise:
        assert found == [noise]


@pytest.mark.parametrize("pattern", [None, ".*"])
@pytest.mark.parametrize(
    ("noise", "passed"),
    [
        ("c280", True), ("dfbf", True), ("e0a080", True), ("ed9fbf", True), ("ee8080", True),
        ("efbfbf", True), ("f0908080", True), ("f48fbfbf", True),
        ("80", False), ("c080", False), ("c1bf", False), ("c2", False), ("c241", False),
        ("e08080", False), ("e09fbf", False), ("e180", False), ("e18041", False),
        ("e14180", False), ("eda080", False), ("edbfbf", False), ("ee80", False),
        ("f0808080", False), ("f08fbfbf", False), ("f09080", False), ("f4908080", False),
        ("f5808080", False), ("ff", False),
    ],
)  # fmt: skip
def test_text_is_passed_at_the_edges_of_utf8(
    noise: str, pattern: str | None, *, passed: bool
) -> None:
    """Overlong forms, halves of surrogate pairs, and what lies beyond the last character."""
    fields = (item("a", DataType.STRING, key=True, pattern=pattern),)
    written = bytes.fromhex(noise)
    assert keys_of([b'{"a":"' + written + b'"}'], fields) == ([written] if passed else None)


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("1", True),
        ("99.5", True),
        ("99.51", False),
        ("-0.01", False),
        ("0.009", False),
        ("1e1", False),
        ("100", False),
    ],
)
def test_a_bound_between_two_places_is_kept(text: str, *, passed: bool) -> None:
    """A bound finer than the scale is never rounded outwards."""
    bounds = {"minimum": Decimal("0.001"), "maximum": Decimal("99.509")}
    fields = (
        item("k", DataType.STRING, key=True),
        item("a", DataType.DECIMAL, precision=6, scale=2, **bounds),
    )
    assert (keys_of(lines_of(f'{{"k":"1","a":{text}}}'), fields) is not None) is passed


@pytest.mark.parametrize(("size", "passed"), [(KEY_BYTES_MAX, True), (KEY_BYTES_MAX + 1, False)])
def test_a_key_is_passed_up_to_its_limit(size: int, *, passed: bool) -> None:
    fields = (item("a", DataType.STRING, key=True),)
    assert (keys_of(lines_of(f'{{"a":"{"x" * size}"}}'), fields) is not None) is passed


def test_a_name_that_json_would_escape_is_left_to_others() -> None:
    for name in ('a"b', "a\\b", "a\tb", "a\ud800", ""):
        assert plan_of((item(name, DataType.STRING, key=True),)) is None
    fields = (item('a"b', DataType.STRING, key=True),)
    assert keys_of(lines_of(r'{"a\"b":"1"}'), fields) is None


def test_a_bound_of_many_digits_is_not_rounded() -> None:
    """Decimal.scaleb keeps 28 digits: a maximum just below 1 became 1."""
    fields = (
        item("k", DataType.STRING, key=True),
        item("a", DataType.DECIMAL, precision=6, scale=2, maximum=Decimal("0." + "9" * 40)),
    )
    assert keys_of(lines_of('{"k":"1","a":0.99}'), fields) is not None
    assert keys_of(lines_of('{"k":"1","a":1.00}'), fields) is None
