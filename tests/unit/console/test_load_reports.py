"""Reports of load tests inside the console: what is shown, and that nothing else is."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gateway.console import load_reports
from gateway.console.load_reports import BYTES_MAX, Machine, Spread
from gateway.console.load_tests import bars, drawn
from gateway.console.series import EDGE, HEIGHT, WIDTH
from kernel.errors import NotFound
from loadtests import report as reports
from loadtests import results as outcomes
from loadtests.results import KEPT, Case, Results
from loadtests.targets import NAIVE, RAW, SHUYUAN, judge

STARTED = "2026-11-29T19:30:{:02}+00:00"


def case(system: str, rates: list[float], failures: int = 0) -> Case:
    return Case(
        name="publish-500", system=system, generator=RAW, requests_per_second=1.0,
        records_per_second=rates[0], p50_ms=1.0, p99_ms=2.0, failures=failures,
        cpu_seconds={"gateway": 1.0}, cpu_us_per_record={"gateway": 1.0}, records_answered=4,
        records_read_back=4, seconds=1.0, callers=1, workers=2, memory_bytes={},
        others_cpu_seconds=0.0, runs={"rate": rates, "gateway": [1.0] * len(rates)},
        spread={"rate": Spread(min(rates), sorted(rates)[len(rates) // 2], max(rates))},
    )  # fmt: skip


def written(folder: Path, second: int = 0) -> None:
    cases = [case(SHUYUAN, [90.0, 100.0, 110.0]), case(NAIVE, [10.0, 10.0, 10.0])]
    found = Results(
        started_at=STARTED.format(second), seconds=9.0, machine=Machine(2, 2**34, "3", "4", "18"),
        cases=cases, indicative=False, others_share=0.0, rounds=3, targets=judge(cases),
        ratios=reports.ratios(cases), verdict=reports.sentences(cases),
    )  # fmt: skip
    outcomes.write(found, folder)


def test_what_a_load_test_writes_is_a_report_with_ratios_and_a_verdict(tmp_path: Path) -> None:
    written(tmp_path)
    report = load_reports.one(tmp_path, "latest.json")
    assert report.started_at == datetime(2026, 11, 29, 19, 30, tzinfo=UTC)
    ratio = next(each for each in report.ratios if each.figure == "rate")
    assert (ratio.against, ratio.value, ratio.rounds) == (NAIVE, 10.0, 3)
    assert ratio.low <= ratio.value <= ratio.high
    assert report.verdict[-1].zh.endswith("。")
    assert "records answered" in report.verdict[-1].en
    assert "。" not in report.verdict[-1].en
    assert report.good


def test_the_newest_stands_first_and_old_ones_are_dropped(tmp_path: Path) -> None:
    for second in range(KEPT + 3):
        written(tmp_path, second)
    listed = load_reports.listed(tmp_path)
    assert len(listed) == KEPT + 1
    assert listed[0].report.started_at.second == KEPT + 2
    assert "latest-20261129193000.json" not in {each.name for each in listed}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"\xff", b'{"started_at": "2026-11-29T19:30:00Z"}', b"[" * 100_000,
     b"<html><script>alert(1)</script>", b"\x00" * 10],
)  # fmt: skip
def test_what_is_no_report_is_passed_over(tmp_path: Path, content: bytes) -> None:
    written(tmp_path)
    (tmp_path / "other.json").write_bytes(content)
    assert "other.json" not in {each.name for each in load_reports.listed(tmp_path)}
    with pytest.raises(NotFound):
        load_reports.one(tmp_path, "other.json")


def test_a_report_with_impossible_figures_is_none(tmp_path: Path) -> None:
    written(tmp_path)
    raw = msgspec.json.decode((tmp_path / "latest.json").read_bytes())
    for field, wrong in (("p99_ms", 1e300), ("failures", "none"), ("name", "x" * 3_000)):
        raw["cases"][0] |= {field: wrong}
        (tmp_path / "wrong.json").write_bytes(msgspec.json.encode(raw))
        with pytest.raises(NotFound):
            load_reports.one(tmp_path, "wrong.json")


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    inside = tmp_path / "results"
    inside.mkdir()
    written(tmp_path)
    (inside / "link.json").symlink_to(tmp_path / "latest.json")
    for name in ("../latest.json", "link.json", "/etc/passwd", ".hidden.json", "a.html", ""):
        with pytest.raises(NotFound):
            load_reports.one(inside, name)
    assert load_reports.listed(inside) == []
    assert load_reports.listed(None) == []
    assert load_reports.listed(tmp_path / "missing") == []


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "large.json").write_bytes(
        (tmp_path / "latest.json").read_bytes() + b" " * BYTES_MAX
    )
    assert "large.json" not in {each.name for each in load_reports.listed(tmp_path)}


def test_bars_are_measured_against_the_greatest_of_their_row(tmp_path: Path) -> None:
    written(tmp_path)
    [(name, found)] = bars(load_reports.one(tmp_path, "latest.json").cases, "rate")
    assert name == "publish-500"
    assert [(each.own, each.most) for each in found] == [(True, 100.0), (False, 9.1)]
    assert all(0 <= each.least <= each.median <= each.most <= 100 for each in found)


def test_a_soaks_curve_is_drawn_from_nought(tmp_path: Path) -> None:
    written(tmp_path)
    raw = msgspec.json.decode((tmp_path / "latest.json").read_bytes())
    for sizes, is_read in (([50.0, 100.0], True), ([50.0], False)):
        curve = {"name": "memory", "seconds": [0.0, 120.0], "megabytes": sizes}
        (tmp_path / "soak.json").write_bytes(msgspec.json.encode(raw | {"curves": [curve]}))
        found = {each.name: each.report for each in load_reports.listed(tmp_path)}
        assert ("soak.json" in found) is is_read
        if is_read:
            shown = drawn(found["soak.json"].curves[0])
            assert (shown.most, shown.minutes) == (100.0, 2.0)
            assert shown.line == f"M{EDGE} {HEIGHT // 2}h1L{WIDTH - EDGE} {EDGE}"
