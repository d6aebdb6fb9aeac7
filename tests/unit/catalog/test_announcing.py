"""Ten working days ahead, or a law that demands it."""

from datetime import date

import pytest

from catalog.announcing import Announcement, errors, names_law

# A Monday; ten working days later is the Monday two weeks on.
TODAY = date(2026, 3, 2)
LAW = "《中华人民共和国数据安全法》第二十一条"


def wrong(day: date, basis: str | None = None) -> list[str]:
    return [error.path for error in errors(Announcement(day, "职责调整", basis), TODAY)]


def test_ten_working_days_lie_between() -> None:
    assert wrong(date(2026, 3, 16)) == []
    assert wrong(date(2026, 3, 13)) == ["effective_on"]


def test_a_law_allows_any_day_but_one_that_is_past() -> None:
    assert wrong(TODAY, LAW) == []
    assert wrong(date(2026, 3, 1), LAW) == ["effective_on"]


def test_a_day_years_ahead_is_a_slip() -> None:
    assert wrong(date(2036, 3, 2)) == ["effective_on"]


@pytest.mark.parametrize(
    "basis",
    [
        LAW,
        "中华人民共和国个人信息保护法第十三条",
        "《民法典》第一千零三十八条",
        "《政务数据共享条例》第十七条",
        "国务院令第809号",
        "国发〔2016〕51号",
        "《国务院关于加强数字政府建设的指导意见》（国务院决定）",
        "Data Security Law, Article 21",
    ],
)
def test_laws_regulations_and_decisions_of_the_state_council_are_a_basis(basis: str) -> None:
    assert names_law(basis)


@pytest.mark.parametrize(
    "basis",
    [
        "本部门工作需要",
        "《政务信息资源共享管理暂行办法》第五条",
        "《广西壮族自治区大数据发展条例》第十条",
        "厅长办公会决定",
        "x",
    ],
)
def test_rules_of_ministries_and_regions_are_none(basis: str) -> None:
    assert not names_law(basis)
    assert wrong(TODAY, basis) == ["basis"]
