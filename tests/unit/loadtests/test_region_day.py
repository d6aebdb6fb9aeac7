"""The day of the region is data: what is wrong names its line, and each hour has its users."""

import shutil
from pathlib import Path

import pytest

from deploy.region import checking
from deploy.region.reading import Invalid
from deploy.region.region import Region
from loadtests.region import day as plan

FOLDER = Path(plan.__file__).parent


@pytest.fixture(scope="module")
def whole() -> Region:
    return checking.region()


def test_a_day_has_all_that_the_region_does(whole: Region) -> None:
    day = plan.load(whole)
    assert {row.mode for row in day} == {"publish", "table", "follow", "verify", "query"}
    assert {name for row in day if row.pushed for name in row.providers} == {
        "hotline-12345", "warning-release",
    }  # fmt: skip
    # Messages come every minute of the day; verifications in the morning, month's end at night.
    for hour in (0.0, 9.5, 15.0, 23.9):
        assert {"rain-minutes", "traffic-minutes", "emergency-minutes"} <= _on(day, hour)
    assert "verify-morning" in _on(day, 9.0)
    assert "verify-morning" not in _on(day, 11.0)
    assert _on(day, 3.0) >= {"insurance-night"}
    assert _on(day, 23.0) >= {"month-end"}


def _on(day: list[plan.Activity], hour: float) -> set[str]:
    return {row.id for row in day if row.at(hour)}


def test_hours_are_compressed() -> None:
    assert plan.hour_of(0, 10) == 0
    assert plan.hour_of(300, 10) == 12
    assert plan.hour_of(600, 10) >= plan.HOURS


@pytest.mark.parametrize(
    "line",
    [
        "rain-minutes,又一次,publish,jinshui,0,24,1,0.5,",
        "new,没有这个系统,publish,no-such,0,24,1,0.5,",
        "new,没有人读,publish,geo-library,0,24,1,0.5,",
        "new,没有这种使用,query,jinshui,0,24,1,0.5,",
        "new,倒着过的一天,publish,jinshui,9,8,1,0.5,",
        "new,二十五点,publish,jinshui,9,25,1,0.5,",
        "new,没有人,publish,jinshui,0,24,0,0.5,",
    ],
)
def test_what_is_wrong_names_its_line(whole: Region, tmp_path: Path, line: str) -> None:
    text = (FOLDER / plan.FILE).read_text(encoding="utf-8")
    shutil.copy(FOLDER / plan.FILE, tmp_path)
    (tmp_path / plan.FILE).write_text(f"{text}{line}\n", encoding="utf-8")
    with pytest.raises(Invalid) as refusal:
        plan.load(whole, tmp_path)
    assert {each.line for each in refusal.value.problems} == {text.count("\n") + 1}
