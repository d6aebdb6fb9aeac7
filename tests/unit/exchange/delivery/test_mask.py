from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.delivery.projection.mask import STARS, Mask, compile_mask, keyed_hash, strictest

KEY = b"k" * 32


def masked(mask: dict[str, Any], value: str, key: bytes = KEY, item: str = "name") -> str | None:
    [one] = compile_mask(Mask.of(mask), key, item).texts([value])
    return one


def partial(start: int, end: int) -> dict[str, Any]:
    return {"kind": "partial", "keep_start": start, "keep_end": end}


def test_full_tells_not_even_the_length() -> None:
    full = compile_mask(Mask.of({"kind": "full"}), KEY, "name")
    assert full.texts(["壮", "450102199001011234"]) == [STARS, STARS]


def test_partial_keeps_only_the_ends_and_tells_no_length() -> None:
    """A star for each character told the length, and with it a boolean or how little was hidden."""
    assert masked(partial(6, 2), "45010219900101123X") == "450102***3X"
    assert masked(partial(1, 0), "张三") == masked(partial(1, 0), "张三丰") == "张***"


@pytest.mark.parametrize("word", ["true", "false", "null"])
def test_a_word_of_json_is_hidden_whole(word: str) -> None:
    """`t***` tells a boolean, and `n***` that there is none."""
    for mask in (partial(1, 1), partial(4, 0), {"kind": "full"}):
        assert compile_mask(Mask.of(mask), KEY, "alive").word(word) == STARS


@given(st.text(max_size=12), st.integers(0, 6), st.integers(0, 6))
def test_partial_never_shows_a_value_that_it_cannot_hide(value: str, start: int, end: int) -> None:
    shown = masked(partial(start, end), value)
    assert shown is not None
    if len(value) <= start + end:
        assert shown == STARS
    else:
        assert shown == value[:start] + STARS + value[len(value) - end :]


def test_hash_is_stable_for_one_subscription_and_differs_for_another() -> None:
    mine, theirs = masked({"kind": "hash"}, "张三"), masked({"kind": "hash"}, "张三", b"x" * 32)
    assert mine == masked({"kind": "hash"}, "张三") == keyed_hash(KEY, "张三".encode(), b"name")
    assert mine != theirs


def test_hashes_of_two_items_or_of_a_key_cannot_be_joined() -> None:
    """The mother's number in one item was the key hash of her own record."""
    hashes = {masked({"kind": "hash"}, "450102", item=item) for item in ("id", "mother_id")}
    assert len(hashes | {keyed_hash(KEY, b"450102")}) == 3


def test_null_leaves_nothing() -> None:
    assert masked({"kind": "null"}, "张三") is None


def test_an_unknown_mask_hides_everything() -> None:
    assert masked({"kind": "later"}, "张三") == STARS


def test_the_stricter_of_two_kinds_holds_and_equal_ones_stay() -> None:
    ordered = [Mask.of(each) for each in (partial(1, 1), {"kind": "hash"}, {"kind": "full"})]
    for weaker, stronger in pairwise(ordered):
        assert strictest([weaker, stronger]) == strictest([stronger, weaker]) == stronger
    null = Mask.of({"kind": "null"})
    assert (strictest([null, ordered[2]]), strictest([ordered[2], null])) == (null, ordered[2])
    assert strictest([]) is None


@given(
    st.text("ab", max_size=14),
    *(st.tuples(st.integers(0, 5), st.integers(0, 5)) for _ in range(2)),
)
def test_two_partial_masks_together_show_no_more_than_either(
    value: str, one: tuple[int, int], other: tuple[int, int]
) -> None:
    both = strictest([Mask.of(partial(*one)), Mask.of(partial(*other))])
    assert both is not None
    [shown] = compile_mask(both, KEY, "name").texts([value])
    for start, end in (one, other):
        left, _, right = str(shown).partition(STARS)
        hidden_whole = len(value) <= start + end
        assert len(left) <= (0 if hidden_whole else start)
        assert len(right) <= (0 if hidden_whole else end)
