"""One check for each identifier, wherever it stands."""

from datetime import date, timedelta

import pytest

from auth.rules import check_uscc
from catalog.contracts.compile import compile_plan
from catalog.contracts.model import Checker, DataType
from kernel import clock
from kernel.errors import FieldErrors
from kernel.identifiers import (
    BORN_FROM_YEAR,
    KNOWN_PAST,
    USCC_ALPHABET,
    USCC_LENGTH,
    resident_check_digit,
    resident_id,
    uscc,
    uscc_check,
)
from tests.unit.catalog.contracts.samples import contract, dump, item

# Published codes of real bodies: two universities, a ministry, two companies.
REAL = (
    "12100000400002259P", "12100000400000624D", "11100000000013338W", "91110000600037341L",
    "91350100M000100Y43",
)  # fmt: skip
# Its last place fits, the inner one (GB 11714) does not: departments took it, records refused it.
INNER_WRONG = "11450103NK6R0MX0EA"
RECORDS = compile_plan(contract(item("uscc", DataType.STRING, key=True, checker=Checker.USCC)))


def fault_of_department(code: str) -> str | None:
    errors = FieldErrors()
    check_uscc(code, errors)
    return next((error.code for error in errors.found), None)


def fault_of_record(code: str) -> str | None:
    return next((error.code for error in RECORDS.check_ndjson(dump({"uscc": code})).errors()), None)


@pytest.mark.parametrize("code", REAL)
def test_real_codes_are_right(code: str) -> None:
    assert uscc(code) is None
    assert fault_of_department(code) is None
    assert fault_of_record(code) is None


@pytest.mark.parametrize("code", REAL)
def test_one_wrong_place_is_always_seen(code: str) -> None:
    for place in range(USCC_LENGTH):
        for other in set(USCC_ALPHABET) - {code[place]}:
            assert uscc(code[:place] + other + code[place + 1 :]) is not None


@pytest.mark.parametrize("code", REAL)
def test_a_wrong_inner_place_is_seen_though_the_last_fits(code: str) -> None:
    for other in set(USCC_ALPHABET) - {code[16]}:
        body = code[:16] + other
        assert uscc(body + uscc_check(body)) == "check_digit"


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (INNER_WRONG, "check_digit"),
        (REAL[0][:-1] + "0", "check_digit"),
        (f" {REAL[0]}", "pattern"),
        (f"{REAL[0]} ", "pattern"),
        (f"{REAL[0]}\u00a0", "pattern"),
        (REAL[0].lower(), "pattern"),
        (REAL[0][:10] + "O" + REAL[0][11:], "pattern"),
        ("12A0000" + REAL[0][7:], "pattern"),
        ("1210000040000225", "pattern"),
    ],
)
def test_departments_and_records_refuse_the_same_codes(code: str, fault: str) -> None:
    """Their checks were three, and a blank around a code was cut for departments alone."""
    assert uscc(code) == fault
    assert fault_of_department(code) == fault
    assert fault_of_record(code) == fault


def born(day: date) -> str:
    body = f"450103{day:%Y%m%d}001" if day.year > 999 else f"450103{day.year:04d}0101001"
    return body + resident_check_digit(body)


def test_a_birth_date_lies_between_the_oldest_holders_and_today() -> None:
    """Numbers of the years 1000, 1700 and 9999 once passed."""
    today = clock.today()
    for day in (date(BORN_FROM_YEAR, 1, 1), date(1949, 12, 31), KNOWN_PAST, today):
        assert resident_id(born(day), clock.today) is None
    for day in (date(1000, 1, 1), date(1700, 5, 5), date(BORN_FROM_YEAR - 1, 12, 31)):
        assert resident_id(born(day), clock.today) == "out_of_range"
    for day in (today + timedelta(days=2), date(9999, 1, 1)):
        assert resident_id(born(day), clock.today) == "out_of_range"


def test_records_say_which_birth_dates_are_possible() -> None:
    plan = compile_plan(
        contract(item("id", DataType.STRING, key=True, checker=Checker.RESIDENT_ID)), clock.today
    )
    line = dump({"id": born(date(9999, 1, 1))})
    (error,) = plan.check_ndjson(line).errors()
    assert (error.code, str(BORN_FROM_YEAR) in error.en) == ("out_of_range", True)
    assert plan.check_keys_ndjson(line).rejected == []
