"""Indicators are shares of cases; where nothing was due there is no figure."""

from datetime import UTC, date, datetime

import pytest

from auth.errors import RoleRequired
from auth.principal import Principal, Role
from exchange.supervision import scope
from exchange.supervision.figures import DAYS_MAX, Period, period
from exchange.supervision.indicators import INDICATORS
from gateway.workbooks.figures import indicators as workbook
from kernel.errors import BadRequest

NOW = datetime(2026, 3, 31, 15, 59, tzinfo=UTC)


def who(*roles: Role, authority: bool = False) -> Principal:
    return Principal(
        kind="person",
        id="p",
        department="D",
        region_code="450100",
        is_authority=authority,
        roles=frozenset(roles),
        scopes=frozenset(),
        token_id="t",
        expires_at=0,
    )


def test_there_are_nine_of_which_one_is_a_count() -> None:
    assert len(INDICATORS) == 9
    assert [each.id for each in INDICATORS.values() if each.count] == ["calls"]


def test_a_share_of_nothing_is_no_figure() -> None:
    share, count = INDICATORS["mounted"], INDICATORS["calls"]
    assert (share.value(1, 4), share.value(0, 3), share.value(0, 0)) == (0.25, 0, None)
    assert (count.value(5, None), count.value(0, None)) == (5, 0)


def test_a_period_is_the_last_thirty_days_in_shanghai_unless_it_is_named() -> None:
    usual = period(None, None, NOW)
    assert usual == Period(date(2026, 3, 2), date(2026, 3, 31))
    assert usual.bounds(NOW)["since"] == datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
    assert usual.bounds(NOW)["until"] == datetime(2026, 3, 31, 16, 0, tzinfo=UTC)
    year = period(date(2024, 1, 1), date(2024, 12, 31), NOW)
    assert (year.to - year.from_).days == DAYS_MAX - 1


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 3, 2), date(2026, 3, 1)), (date(2025, 1, 1), date(2026, 1, 2))],
)
def test_a_period_that_ends_before_it_begins_or_is_too_long_is_refused(
    first: date, last: date
) -> None:
    with pytest.raises(BadRequest):
        period(first, last, NOW)


def test_an_authority_sees_its_division_and_a_head_its_department() -> None:
    over = scope.of(who(Role.AUTHORITY, Role.HEAD, authority=True))
    assert over == {"department": None, "region_code": "450100"}
    own = {"department": "D", "region_code": None}
    assert scope.of(who(Role.HEAD)) == scope.of(who(Role.HEAD, Role.AUTHORITY)) == own
    for nobody in (who(Role.CLERK), who(Role.AUTHORITY), who(Role.AUDITOR)):
        with pytest.raises(RoleRequired):
            scope.of(nobody)


def test_a_workbook_is_written_of_no_figures() -> None:
    assert workbook([]).startswith(b"PK")
