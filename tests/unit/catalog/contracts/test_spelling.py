"""What is spelled of a pattern is matched by it, and has a length that was asked for."""

import re
import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from catalog.contracts.errors import UnsafePattern
from catalog.contracts.patterns import check_pattern, portable
from catalog.contracts.spelling import PLAIN, spelled
from tests.unit.catalog.contracts.test_patterns import USUAL

LETTERS = string.ascii_letters
ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "1",
        r"\d",
        r"\w",
        r"\s",
        r"\S",
        ".",
        "[一-龥]",
        "[^a-c]",
        "[桂粤]",
        r"\.",
        "[A-Z0-9]",
    ]
)
COUNTS = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{0,3}", "{3,}", "{40}", "{1,60}"])


@st.composite
def patterns(draw: st.DrawFn, depth: int = 2) -> str:
    """Patterns of the subset, nested; some are refused for what matching them might cost."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        group = depth > 0 and draw(st.booleans())
        atom = f"({draw(patterns(depth - 1))})" if group else draw(ATOMS)
        parts.append(atom + draw(COUNTS))
    return "|".join(["".join(parts), *draw(st.lists(ATOMS, max_size=1))])


@settings(max_examples=150, deadline=None)
@given(patterns(), st.integers(0, 80), st.integers(0, 80), st.sampled_from([1, 2]))
def test_what_is_spelled_is_matched_in_its_length(
    pattern: str, least: int, more: int, variant: int
) -> None:
    try:
        check_pattern(pattern)
    except UnsafePattern:
        assume(False)
    value = spelled(pattern, least, least + more, variant)
    if value is not None:
        assert least <= len(value) <= least + more
        assert re.fullmatch(portable(pattern), value)


@settings(max_examples=60, deadline=None)
@given(st.data(), patterns())
def test_a_length_that_some_value_has_is_spelled(data: st.DataObject, pattern: str) -> None:
    """Nothing is given up that can be had: for each value there is one of its length."""
    try:
        check_pattern(pattern)
    except UnsafePattern:
        assume(False)
    plain = st.characters(min_codepoint=32, max_codepoint=0x9FFF)
    some = data.draw(st.from_regex(portable(pattern), fullmatch=True, alphabet=plain))
    assume(len(some) <= 1_000)
    assert spelled(pattern, len(some), len(some), 1) is not None


@pytest.mark.parametrize("pattern", USUAL)
@pytest.mark.parametrize("variant", [1, 2])
def test_usual_patterns_are_spelled(pattern: str, variant: int) -> None:
    value = spelled(pattern, 0, None, variant)
    assert value is not None
    assert re.fullmatch(portable(pattern), value)


@pytest.mark.parametrize(
    ("pattern", "first", "second"),
    [
        (r"桂[A-Z]-?[A-Z0-9]{5}", "桂B34567", "桂C45678"),
        (r"[一-龥·]{2,30}", "示例数据", "例数据示"),
        (r"\d{6}", "123456", "234567"),
        (r"(0[1-9]|1[0-2])", "02", "10"),
    ],
)
def test_values_can_be_read_and_differ(pattern: str, first: str, second: str) -> None:
    assert (spelled(pattern, 0, None, 1), spelled(pattern, 0, None, 2)) == (first, second)


def test_what_is_not_there_is_not_spelled() -> None:
    assert spelled(r"\d{6}", 7, None, 1) is None
    assert spelled(r"\d{6}", 0, 5, 1) is None
    assert spelled(r"a{1000}", 1_001, 2_000, 1) is None
    assert spelled(r"a{3}(bb)*", 4, 4, 1) is None
    assert spelled(r"a{3}(bb)*", 4, 5, 1) == "aaabb"
    assert spelled(r"[^a]{1000}", 0, None, 1, PLAIN) is not None


@pytest.mark.parametrize(
    "pattern",
    [
        # Half a second of a worker's loop, for each reader of the entry's page.
        f"({''.join(f'{letter}?' for letter in LETTERS[:45])}\\d){{990}}",
        f"({''.join(f'{letter}{{0,9}}' for letter in LETTERS[:26])}\\d){{99}}",
        f"({'|'.join(LETTERS)}){{999}}",
        r"([!#%&*]|[@;:<>]|[=_~]|[^a-zA-Z0-9!#%&*@;:<>=_~一-龥]){990}",
    ],
)
def test_a_pattern_that_is_dear_to_spell_is_not_spelled(pattern: str) -> None:
    check_pattern(pattern)
    assert spelled(pattern, 900, None, 1) is None


@pytest.mark.parametrize("pattern", ["[a-z]{999}", r"\w{999}", "[一-龥A-Za-z0-9]{500,900}"])
def test_a_long_one_is(pattern: str) -> None:
    value = spelled(pattern, 500, None, 1)
    assert value is not None
    assert re.fullmatch(portable(pattern), value)
