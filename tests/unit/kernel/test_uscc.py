"""The unified social credit code (GB 32100-2015)."""

import pytest

from kernel import uscc

# Published codes of real bodies: two universities, a ministry, two companies.
REAL = (
    "12100000400002259P", "12100000400000624D", "11100000000013338W", "91110000600037341L",
    "91350100M000100Y43",
)  # fmt: skip


@pytest.mark.parametrize("code", REAL)
def test_real_codes_are_right(code: str) -> None:
    assert uscc.is_well_formed(code)
    assert uscc.is_checked(code)


@pytest.mark.parametrize("code", REAL)
def test_one_wrong_place_is_always_seen(code: str) -> None:
    for place in range(uscc.LENGTH):
        for other in set(uscc.ALPHABET) - {code[place]}:
            assert not uscc.is_checked(code[:place] + other + code[place + 1 :])


@pytest.mark.parametrize("code", ["", "1210000040000225", REAL[0] + "1", REAL[0].lower()])
def test_other_lengths_and_letters_are_no_codes(code: str) -> None:
    assert not uscc.is_well_formed(code)


@pytest.mark.parametrize("letter", "IOSVZ")
def test_letters_that_look_like_digits_are_not_in_the_alphabet(letter: str) -> None:
    assert not uscc.is_well_formed(REAL[0][:10] + letter + REAL[0][11:])


def test_the_division_is_numeric() -> None:
    assert not uscc.is_well_formed("12A0000" + REAL[0][7:])
