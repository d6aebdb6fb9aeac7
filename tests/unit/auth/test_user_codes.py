"""What a person types is the code that was shown, however it is written."""

import pytest

from auth.oauth import user_codes


def test_a_code_is_read_as_it_is_shown() -> None:
    for _ in range(50):
        code = user_codes.new()
        assert user_codes.typed(user_codes.shown(code)) == code
        assert len(user_codes.shown(code)) == 9


@pytest.mark.parametrize("text", ["bcdf-ghjk", " BCDF GHJK ", "ｂｃｄｆ－ｇｈｊｋ", "BCDFGHJK"])
def test_case_and_separators_do_not_matter(text: str) -> None:
    assert user_codes.typed(text) == "BCDFGHJK"


@pytest.mark.parametrize("text", ["", "BCDF-GHJ", "BCDF-GHJKL", "BCDF-GHJ0", "汉字", "B" * 100])
def test_what_is_no_code_is_none(text: str) -> None:
    assert user_codes.typed(text) == ""


def test_nothing_in_it_is_taken_for_something_else() -> None:
    assert not set(user_codes.ALPHABET) & set("AEIOUY0123456789")
