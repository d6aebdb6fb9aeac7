from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exchange.delivery.mask import STARS, compile_mask, keyed_hash

KEY = b"k" * 32


def masked(mask: dict[str, Any], value: str, key: bytes = KEY) -> str | None:
    [one] = compile_mask(mask, key)([value])
    return one


def test_full_tells_not_even_the_length() -> None:
    mask = compile_mask({"kind": "full"}, KEY)
    assert mask(["壮", "450102199001011234"]) == [STARS, STARS]


def test_partial_keeps_only_the_ends() -> None:
    mask = {"kind": "partial", "keep_start": 6, "keep_end": 2}
    assert masked(mask, "45010219900101123X") == "450102**********3X"


@given(
    st.text(max_size=12) | st.integers(250, 300).map("壮".__mul__),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_partial_never_shows_a_value_that_it_cannot_hide(value: str, start: int, end: int) -> None:
    shown = masked({"kind": "partial", "keep_start": start, "keep_end": end}, value)
    assert shown is not None
    assert len(shown) == len(value)
    if len(value) <= start + end:
        assert set(shown) <= {"*"}
    else:
        assert shown[start : len(value) - end] == "*" * (len(value) - start - end)


def test_hash_is_stable_for_one_subscription_and_differs_for_another() -> None:
    mine, theirs = masked({"kind": "hash"}, "张三"), masked({"kind": "hash"}, "张三", b"x" * 32)
    assert mine == masked({"kind": "hash"}, "张三") == keyed_hash(KEY, "张三".encode())
    assert mine != theirs


def test_null_leaves_nothing() -> None:
    assert masked({"kind": "null"}, "张三") is None


def test_an_unknown_mask_hides_everything() -> None:
    assert masked({"kind": "later"}, "张三") == STARS
