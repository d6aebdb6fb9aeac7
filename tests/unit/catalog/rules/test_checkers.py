from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.contracts.model import Checker
from catalog.rules.checkers import CHECKS, check_of, division_code
from kernel import clock
from kernel.identifiers import (
    make_uscc,
    mobile,
    organisation_check,
    resident_check_digit,
    resident_id,
    uscc,
    uscc_check,
)
from tests.unit.catalog.contracts.reference import _CHECKERS as REFERENCE

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.mark.parametrize("value", ["11010519491231002X", "440524188001010014"])
def test_the_examples_of_gb_11643_are_valid(value: str) -> None:
    assert resident_id(value) is None


@pytest.mark.parametrize("region", ["810000", "820000", "830000", "459999", "110199"])
def test_a_region_is_not_looked_up_and_hong_kong_macao_taiwan_holders_are_valid(
    region: str,
) -> None:
    body = region + "19900101" + "001"
    assert resident_id(body + resident_check_digit(body)) is None


@pytest.mark.parametrize("day", ["19900230", "19901301", "19000229", "00000101", "19900100"])
def test_a_birth_date_must_be_a_real_day(day: str) -> None:
    body = "450103" + day + "001"
    assert resident_id(body + resident_check_digit(body)) == "pattern"


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("110105194912310021", "check_digit"),
        ("11010519491231002x", "pattern"),
        ("1101051949123100", "pattern"),
        ("１1010519491231002X", "pattern"),
        ("", "pattern"),
    ],
)
def test_a_wrong_resident_id_says_what_is_wrong(value: str, fault: str) -> None:
    assert resident_id(value) == fault


@pytest.mark.parametrize(
    "value", ["91350100M000100Y43", "12100000400000624D", "91110000600037341L"]
)
def test_known_social_credit_codes_are_valid(value: str) -> None:
    assert uscc(value) is None


@pytest.mark.parametrize("office", [*"123456789", "A", "N", "Y"])
def test_every_registering_office_is_valid(office: str) -> None:
    assert uscc(make_uscc(office, "1", "450000", "MA5K0001")) is None


def test_both_check_characters_of_a_social_credit_code_count() -> None:
    code = make_uscc("1", "1", "450000", "00754321")
    inner = code[:16] + ("1" if code[16] != "1" else "2")
    assert uscc(inner + uscc_check(inner)) == "check_digit"
    assert uscc(code[:17] + ("1" if code[17] != "1" else "2")) == "check_digit"


@pytest.mark.parametrize("value", ["B1450000007543214X", "11450000I075432142", "1145", ""])
def test_a_social_credit_code_of_the_wrong_shape_is_a_pattern_fault(value: str) -> None:
    assert uscc(value) == "pattern"


@pytest.mark.parametrize("parts", [("B", "1", "450000", "00754321"), ("1", "1", "45", "00754321")])
def test_no_code_is_made_of_parts_that_cannot_stand(parts: tuple[str, str, str, str]) -> None:
    with pytest.raises(ValueError, match="no unified social credit code"):
        make_uscc(*parts)


@pytest.mark.parametrize("value", ["450000", "450103", "450103001", "450103001002"])
def test_division_codes_have_6_9_or_12_digits(value: str) -> None:
    assert division_code(value) is None
    assert division_code(value + "1") == "pattern"
    assert division_code("00" + value[2:]) == "pattern"


def test_a_mobile_number_is_a_mainland_one() -> None:
    assert mobile("13800000000") is None
    for wrong in ("12800000000", "1380000000", "138000000000", "+8613800000000", "1380000000０"):
        assert mobile(wrong) == "pattern"


def resident_of(body: str) -> str:
    return body + resident_check_digit(body)


def uscc_of(head: str, organisation: str = "00754321") -> str:
    body = head + organisation + organisation_check(organisation)
    return body + uscc_check(body)


@pytest.mark.parametrize(
    ("checker", "value"),
    [
        (Checker.RESIDENT_ID, resident_of("05010319900101001")),
        (Checker.RESIDENT_ID, resident_of("45010319000229001")),
        (Checker.RESIDENT_ID, resident_of("45010320230229001")),
        (Checker.RESIDENT_ID, resident_of("45010319900431001")),
        (Checker.RESIDENT_ID, resident_of("45010319900001001")),
        (Checker.RESIDENT_ID, resident_of("45010319901301001")),
        (Checker.RESIDENT_ID, resident_of("45010319900100001")),
        (Checker.USCC, uscc_of("B1450000")),
        (Checker.USCC, uscc_of("01450000")),
        (Checker.USCC, uscc_of("10450000")),
        (Checker.USCC, uscc_of("1A450000")),
        (Checker.USCC, uscc_of("11A50000")),
        (Checker.USCC, uscc_of("1145000Y")),
    ],
)
def test_right_check_characters_do_not_save_a_wrong_shape(checker: Checker, value: str) -> None:
    assert REFERENCE[checker](value) == {"pattern"}
    assert CHECKS[checker].one(value) == "pattern"
    assert not CHECKS[checker].every([value] * 3)


def near(checker: Checker) -> st.SearchStrategy[str]:
    """Valid values, values one character off, and noise of the same length."""
    valid = {
        Checker.RESIDENT_ID: st.builds(
            lambda day, order: f"450103{day}{order:03d}",
            st.sampled_from(
                [
                    "19900101",
                    "20000229",
                    "19000229",
                    "19991231",
                    "00000101",
                    "30000101",
                    "18500101",
                    "18491231",
                    "17000229",
                    "20270301",
                    "20260101",
                    "20251231",
                ]
            ),
            st.integers(0, 999),
        ).map(lambda body: body + resident_check_digit(body)),
        Checker.USCC: st.builds(
            make_uscc,
            st.sampled_from("123456789ANY"),
            st.sampled_from("12359"),
            st.sampled_from(["450000", "100000"]),
            st.text(ALPHABET, min_size=8, max_size=8),
        ),
        Checker.DIVISION_CODE: st.sampled_from(["450000", "450103001", "450103001002", "110000"]),
        Checker.MOBILE: st.integers(0, 10**8 - 1).map(lambda number: f"139{number:08d}"),
    }[checker]
    marks = ALPHABET + "xIOSVZ１é\n \0"
    changed = st.builds(
        lambda value, place, mark: (
            value[: place % len(value)] + mark + value[place % len(value) + 1 :]
        ),
        valid,
        st.integers(0, 17),
        st.sampled_from(marks),
    )
    return st.one_of(valid, changed, st.text(marks, max_size=18))


@pytest.mark.parametrize("checker", list(Checker))
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_one_value_a_column_and_the_standard_agree(checker: Checker, data: st.DataObject) -> None:
    values = data.draw(st.lists(near(checker), max_size=6))
    faults = [REFERENCE[checker](value) for value in values]
    check = check_of(checker, clock.today)
    assert [check.one(value) for value in values] == [next(iter(found), None) for found in faults]
    assert check.every(values) == (not any(faults))


@pytest.mark.parametrize("checker", list(Checker))
def test_a_value_of_another_length_never_shifts_its_neighbours(checker: Checker) -> None:
    good: dict[Checker, str] = {
        Checker.RESIDENT_ID: "11010519491231002X",
        Checker.USCC: "12100000400000624D",
        Checker.DIVISION_CODE: "450103",
        Checker.MOBILE: "13800000000",
    }
    every: Callable[[list[str]], bool] = CHECKS[checker].every
    value = good[checker]
    assert every([value, value])
    assert not every([value[:-1], value[-1] + value])
    assert not every([f"{value}\n{value}"])
    assert not every([value, f"{value}\n"])
