"""The compiled pass shows, byte for byte, what the projection shows without it, or doubts."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.delivery.projection.mask import Mask
from exchange.delivery.projection.projection import Projection
from exchange.delivery.showing.presenter import KNOWS, SHOW, WRAP, Presenter
from exchange.subscriptions.conditions import Condition, Op
from tests.support.passes import unloaded_behind
from tests.unit.exchange.delivery.test_projection import ALL, KEY, RECORD, projection

TOKENS = [
    "null", "true", "false", "0", "-12.50", "1e3", '""', '"a"', '"张三"', '"张三丰和😀"', '"é~%"',
    '"a\\"b"', '"\\u5f20"', '"\\\\"', '"},{"', '"[:]"', '"' + "长" * 300 + '"',
]  # fmt: skip
MASKS: list[Mapping[str, Any]] = [
    {"kind": "full"},
    {"kind": "null"},
    *(
        {"kind": "partial", "keep_start": start, "keep_end": end}
        for start, end in ((0, 0), (1, 0), (0, 2), (3, 4))
    ),
]
SPACES = st.sampled_from(["", "", " ", "\t "])


PASSES = (KNOWS, SHOW, WRAP)

unloaded = unloaded_behind(*PASSES)


@st.composite
def records(draw: st.DrawFn) -> bytes:
    names = draw(st.permutations([*ALL, "other"]))[: draw(st.integers(1, 7))]
    parts = [
        f'{draw(SPACES)}"{name}"{draw(SPACES)}:{draw(SPACES)}{draw(st.sampled_from(TOKENS))}'
        for name in names
    ]
    return ("{" + ",".join(parts) + draw(SPACES) + "}" + draw(SPACES)).encode()


def with_and_without(made: Projection, keys: list[bytes], values: list[bytes | None]) -> None:
    """Show records by the passes, line by line and as one text, and without them: all the same."""
    for each in PASSES:
        each.load()
    fast, text = made.lines(1, keys, values), as_text(made, keys, values)
    for each in PASSES:
        each.unload()
    slow = made.lines(1, keys, values)
    assert fast == slow
    if text is not None:
        assert text.split(b"\n") == [*slow, b""]


def as_text(made: Projection, keys: list[bytes], values: list[bytes | None]) -> bytes | None:
    if None in values or any(b"\n" in each for each in (*keys, *filter(None, values))):
        # A chunk keeps these as a list (exchange/log/unpacking).
        return None
    names, body = (
        b"".join(each + b"\n" for each in column if each is not None) for column in (keys, values)
    )
    return made.text(1, names, body, len(keys))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(records(), min_size=1, max_size=5),
    st.permutations(ALL),
    st.integers(0, 6),
    st.dictionaries(st.sampled_from(ALL), st.sampled_from(MASKS)),
)
def test_lines_are_the_same_with_and_without_the_pass(
    values: list[bytes], items: list[str], count: int, masks: dict[str, Mapping[str, Any]]
) -> None:
    made = projection(items[:count], masks, known=[*ALL, "other"])
    keys = [f"k{number}~%7E张".encode() for number in range(len(values))]
    with_and_without(made, keys, list(values))
    with_and_without(made, [b"k%d" % number for number in range(len(values))], list(values))


def test_deletes_and_keys_that_need_escapes_stand_in_their_places() -> None:
    made = projection(["code", "age"])
    with_and_without(made, [KEY, b'a"\n\\', KEY], [RECORD, RECORD, None])


def presented(
    record: bytes,
    masks: Mapping[str, Mapping[str, Any]] | None = None,
    items: tuple[str, ...] = ("code", "name"),
) -> dict[str, Any] | None:
    SHOW.load()
    read = {item: Mask.of(mask) for item, mask in (masks or {}).items()}
    lines = Presenter(items, read, ALL).lines([KEY], [record])
    return None if lines is None else dict(json.loads(lines[0])["data"])


def test_ordinary_records_are_presented() -> None:
    masks = {"name": {"kind": "partial", "keep_start": 1, "keep_end": 0}}
    assert presented(RECORD, masks) == {"code": "a~1", "name": "张***"}


def test_an_escape_is_copied_in_the_clear_and_doubted_under_a_mask() -> None:
    record = b'{"code":"a\\"b","name":"\\u5f20","age":"\\""}'
    assert presented(record) == {"code": 'a"b', "name": "张"}
    masks = {"name": {"kind": "partial", "keep_start": 1, "keep_end": 0}}
    assert presented(record, masks) is None


@pytest.mark.parametrize(
    "record",
    [
        b'{"co\\u0064e":"1"}', b'{"other":"1"}', b'{"code":[1]}', b'{"code":{"a":1}}', b"{", b"",
        b'{"code":"1"', b'{"code"', b"[]", b'{"code":"1"} x', b'{"code" "1"}', b'{code:"1"}',
        b'{"code":"1";"name":"2"}', b'{"code":"1\\', b'{"code":"1", }',
    ],
)  # fmt: skip
def test_what_no_contract_lets_pass_is_doubted(record: bytes) -> None:
    assert presented(record) is None


def test_a_mask_or_a_name_that_it_does_not_know_is_left_to_others() -> None:
    assert presented(RECORD, {"name": {"kind": "hash"}}) is None
    assert presented(b'{"a\\"b":"1"}', items=('a"b',)) is None


@pytest.mark.parametrize("break_", [b"\n", b" \n ", b"\n\n"])
def test_a_value_of_two_lines_gives_no_record_the_key_of_another(break_: bytes) -> None:
    two, keys = RECORD + break_ + RECORD, [KEY, b"k2"]
    for values in ([two, RECORD], [RECORD, two]):
        for made in (projection(("code", "name"), {"name": MASKS[2]}), projection()):
            with_and_without(made, keys, list(values))
        for each in (KNOWS, SHOW):
            each.load()
        shown = Presenter(["code"], {}, ALL)
        assert shown.lines(keys, values) is None
        assert not shown.knows(values)


@pytest.mark.parametrize("blank", [b" ", b"\t"])
def test_a_record_with_blanks_around_it_is_not_handed_on_as_it_came(blank: bytes) -> None:
    KNOWS.load()
    whole = Presenter([], {}, ALL)
    assert whole.knows([RECORD])
    assert not whole.knows([blank + RECORD])
    assert not whole.knows([RECORD + blank])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 120))
def test_no_bytes_break_the_pass(noise: bytes, place: int) -> None:
    """What it shows of bytes that nobody checked is what is shown of them without it."""
    record = RECORD[:place] + noise + RECORD[place:]
    for made in (projection(("code", "name"), {"name": MASKS[2]}), projection()):
        with_and_without(made, [KEY], [record])


PLAIN = [b"k1", b"k2"]


def of_plain(made: Projection, keys: list[bytes] = PLAIN) -> bytes | None:
    for each in PASSES:
        each.load()
    return as_text(made, keys, [RECORD, RECORD])


@pytest.mark.parametrize(
    "made",
    [projection(), projection(["code", "name"]), projection(["code", "name"], {"name": MASKS[2]})],
)
def test_ordinary_records_are_shown_as_one_text(made: Projection) -> None:
    text = of_plain(made)
    assert text is not None
    assert text.split(b"\n") == [*made.lines(1, PLAIN, [RECORD, RECORD]), b""]


def test_a_key_that_is_masked_never_leaves_as_it_is() -> None:
    """The text copies keys: where they leave as hashes it would show them in clear (P3)."""
    assert of_plain(projection(["name", "age"])) is None
    assert of_plain(projection(ALL, {"code": {"kind": "full"}})) is None


@pytest.mark.parametrize(
    "keys", [[b"k1", b""], [b"", b"k2"], [b"a~1", b"k"], ["张".encode(), b"k"]]
)
def test_keys_that_are_empty_or_not_plain_are_left_to_others(keys: list[bytes]) -> None:
    assert of_plain(projection(), keys) is None


def test_rows_that_may_be_hidden_are_left_to_others() -> None:
    adults = Condition("age", Op.GE, 18)
    assert of_plain(projection(conditions=[adults])) is None
