"""How words are folded and cut for the index."""

import pytest

from catalog.rules.words import fold, grams, narrowest, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ＡＢＣ１２", "abc12"),
        ("人口（常住）", "人口(常住)"),
        ("ﾃﾞｰﾀ", "データ"),
        ("Straße", "strasse"),
    ],
)
def test_width_and_case_are_folded(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded


def test_a_text_is_cut_into_characters_and_pairs_within_words() -> None:
    assert grams("人口 信息\n表") == sorted(["人", "口", "人口", "信", "息", "信息", "表"])
    assert grams(" \n") == []


@pytest.mark.parametrize("word", ["人", "人口", "人口基本信息", "_", "𠀀𠀁"])
def test_a_text_with_the_word_has_all_that_it_is_looked_up_by(word: str) -> None:
    assert set(narrowest(word)) <= set(grams(f"之{word}者"))


def test_a_question_names_each_word_once() -> None:
    assert words(fold("人口　登记 人口")) == ["人口", "登记"]
