import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.contracts.errors import UnsafePattern
from catalog.contracts.patterns import PATTERN_LENGTH_MAX, check_pattern, compile_lines, portable
from kernel.errors import Category

USUAL = [
    r"^\d{17}[\dX]$",
    r"(\d{1,3}\.){3}\d{1,3}",
    r"[a-z]+(-[a-z]+)*",
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
    r"[一-龥·]{2,30}",
    r"(0[1-9]|1[0-2])",
    r"(19|20)\d{2}",
    r"桂[A-Z]-?[A-Z0-9]{5}",
    r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}",
    r"[+-]?\d+(\.\d+)?",
    r"^a|b$",
    r".*foo",
    r"[^a-c]*",
    r"\S+\s\W?",
    r"a\\$",
    r"\$[\]\-\\^]/x{0,3}?",
    r"[\w-]+",
    r"",
]


@pytest.mark.parametrize("pattern", USUAL)
def test_a_usual_pattern_is_accepted(pattern: str) -> None:
    check_pattern(pattern)
    re.compile(portable(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+",
        r"(a|a)*b",
        r"(a|ab)*c",
        r"(a?){50}a{50}",
        r"((a{0,5}){0,5}){0,5}",
        r".*a.*b",
        r"(|a)+",
        r"(.*)*",
        r"(\w+\s?)*$x",
        r"(?=a)b",
        r"(?<!a)b",
        r"(a)\1",
        r"(?P<x>a)",
        r"(?i)a",
        r"a**",
        r"a*+",
        r"a{2,1}",
        r"a{1001}",
        r"[z-a]",
        r"[]",
        r"[a",
        r"(a",
        r"a)",
        r"a$b",
        r"*",
        r"\n",
        "a\nb",
        r"\b",
        r"\p{L}",
        r"\ud800",
        r"\x0a",
        "\\",
        "(" * 20 + "a" + ")" * 20,
        "a" * (PATTERN_LENGTH_MAX + 1),
    ],
)
def test_a_pattern_outside_the_safe_subset_is_refused_with_a_reason(pattern: str) -> None:
    with pytest.raises(UnsafePattern) as caught:
        check_pattern(pattern)
    assert caught.value.category is Category.INVALID
    assert caught.value.errors[0].path == "pattern"
    assert caught.value.detail.zh != caught.value.detail.en


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(USUAL), st.data())
def test_the_portable_form_matches_what_the_pattern_matches(
    pattern: str, data: st.DataObject
) -> None:
    whole = re.compile(f"(?:{pattern})", re.ASCII)
    value = data.draw(st.text("aXz09-._@桂A龥·foo $\\^/é\t", max_size=12) | st.from_regex(whole))
    if "\n" not in value:
        expected = whole.fullmatch(value) is not None
        assert (re.fullmatch(portable(pattern), value) is not None) == expected
        assert (compile_lines(pattern).fullmatch(value + "\n") is not None) == expected


@given(st.sampled_from(USUAL), st.lists(st.text("a-zfo桂 ", max_size=4), max_size=4))
def test_a_column_matches_where_each_value_does(pattern: str, values: list[str]) -> None:
    one = re.compile(portable(pattern))
    joined = "".join(f"{value}\n" for value in values)
    together = compile_lines(pattern).fullmatch(joined) is not None
    assert together == all(one.fullmatch(value) for value in values)


@pytest.mark.parametrize("pattern", [r"[^a]*", r".*", r"\D+", r"\W", r"\s", r"[\s\S]*"])
def test_no_pattern_matches_a_line_break(pattern: str) -> None:
    assert not re.fullmatch(portable(pattern), "\n")


@given(st.text(r"ab\d[]^-(){}|*+?.$,0123:<=!PuxwWsS", max_size=14))
def test_any_text_is_accepted_as_a_true_regex_or_refused(pattern: str) -> None:
    try:
        check_pattern(pattern)
    except UnsafePattern:
        return
    re.compile(portable(pattern))


@settings(max_examples=150, deadline=None)
@given(st.text("ab(){}|*+?.12,", min_size=3, max_size=24), st.sampled_from(["a", "ab", "aab"]))
def test_what_is_accepted_is_quick_on_hostile_values(pattern: str, unit: str) -> None:
    try:
        compiled = compile_lines(pattern)
    except UnsafePattern:
        return
    value = (unit * 1000)[:1000] + "!\n"
    started = time.perf_counter()
    compiled.fullmatch(value)
    assert time.perf_counter() - started < 1.0
