"""What a soak says of its measurements: it must tell a change from noise, and be able to fail."""

from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from gateway.console.load_reports import Curve, Machine
from loadtests import records, statistics
from loadtests.processes import Watched
from loadtests.results import PARTS, Case
from loadtests.soak.lasting import judge
from loadtests.soak.population import FULL, QUICK, Population, Scale, Subscription, read
from loadtests.soak.scene import FLAT, ROUNDS_JUDGED, Finding, Found, Soaked, aimed, is_flat, target
from loadtests.statistics import Estimate
from loadtests.world import Credentials

MEBI = 2**20


def case(**changes: object) -> Case:
    usual: dict[str, object] = {
        "name": "soak-case", "system": "shuyuan", "generator": "raw",
        "requests_per_second": 10.0, "records_per_second": 5000.0, "p50_ms": 1.0, "p99_ms": 2.0,
        "failures": 0, "cpu_seconds": dict.fromkeys(PARTS, 1.0),
        "cpu_us_per_record": dict.fromkeys(PARTS, 2.0), "records_answered": 10,
        "records_read_back": 10, "seconds": 1.0, "callers": 1, "workers": 1, "memory_bytes": {},
        "others_cpu_seconds": 0.0,
    }  # fmt: skip
    return Case(**(usual | changes))  # type: ignore[arg-type]


def soaked(*findings: Finding, cases: list[Case] | None = None) -> Soaked:
    return Soaked(
        started_at="2026-11-22T00:00:00+00:00",
        seconds=1.0,
        machine=Machine(2, 2**34, "3.11", "4.3", "18.6"),
        cases=cases or [],
        indicative=False,
        others_share=0.0,
        rounds=1,
        findings=list(findings),
        curves=[Curve("memory of gateway", [1.0, 2.0], [100.0, 101.0])],
    )


def flat(found: Estimate) -> Finding:
    return aimed("≤", found, is_flat, row="log", case="a case", facts={})


def finding(*, reached: bool | None) -> Finding:
    told = {"row": "log", "case": "a case", "target": "≤ 1"}
    return Finding(**told, facts={"us_a_record": 2.5}, reached=reached)


def test_equal_runs_have_the_ratio_one_and_an_interval_around_it() -> None:
    noise = np.random.default_rng(1).normal(10, 0.5, (2, 15))
    found = statistics.ratio(list(noise[0]), list(noise[1]))
    assert found.low < 1 < found.high
    assert found.high - found.low < 0.2


def test_a_real_difference_is_outside_the_interval() -> None:
    noise = np.random.default_rng(1).normal(10, 0.5, (2, 15))
    found = statistics.ratio(list(noise[0]), list(noise[1] * 1.5))
    assert found.low > FLAT
    assert found.value == pytest.approx(1.5, abs=0.1)


def test_one_outlier_moves_the_ratio_little() -> None:
    assert statistics.ratio([10.0] * 9, [10.0] * 8 + [500.0]).value == 1.0


def test_runs_in_which_nothing_was_measured_reach_no_aim() -> None:
    found = statistics.ratio([0.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    assert flat(found).reached is False


def test_the_interval_is_the_same_each_time() -> None:
    base, other = [1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 3.5, 5.0]
    assert statistics.ratio(base, other) == statistics.ratio(base, other)


def test_a_slope_is_found_through_the_noise() -> None:
    at = np.arange(900.0)
    noise = np.random.default_rng(2).normal(0, 5, 900)
    found = statistics.slope(list(at), list(100 + 0.05 * at + noise))
    assert found.low < 0.05 < found.high
    assert found.low > 0


def test_samples_that_hang_together_widen_the_interval() -> None:
    at = np.arange(900.0)
    steps = np.random.default_rng(3).normal(0, 1, 900)
    apart = statistics.slope(list(at), list(steps))
    together = statistics.slope(list(at), list(np.cumsum(steps)))
    assert together.high - together.low > 10 * (apart.high - apart.low)


def watched(growth_per_second: float) -> Watched:
    seconds = [float(second) for second in range(1, 1201)]
    noise = np.random.default_rng(4).normal(0, MEBI, 1200)
    # The warm-up grows steeply and is not judged.
    sizes = [
        int((400 if at > 300 else 100 + at) * MEBI + growth_per_second * at + jitter)
        for at, jitter in zip(seconds, noise, strict=True)
    ]
    return Watched(seconds, {"gateway": sizes})


def test_flat_memory_is_flat_whatever_the_warm_up_was() -> None:
    found = judge("gateway", watched(0.0), 20.0, 1.0)
    assert found.reached is True
    assert abs(found.facts["growth_in_ten_minutes"]) < 0.005


def test_a_leak_of_two_percent_in_ten_minutes_fails() -> None:
    found = judge("gateway", watched(0.02 * 400 * MEBI / 600), 20.0, 1.0)
    assert found.reached is False
    assert found.facts["growth_in_ten_minutes"] == pytest.approx(0.02, rel=0.1)


def test_a_short_look_at_memory_is_not_judged() -> None:
    assert judge("gateway", watched(1e6), 0.2, 1.0).reached is None


def test_an_aim_needs_enough_runs() -> None:
    assert flat(Estimate(5.0, 5.0, 5.0, ROUNDS_JUDGED - 1)).reached is None
    assert flat(Estimate(5.0, 5.0, 5.0, ROUNDS_JUDGED)).reached is False
    assert flat(Estimate(FLAT, FLAT, FLAT, ROUNDS_JUDGED)).reached is True


def test_one_aim_that_was_missed_fails_the_soak() -> None:
    assert soaked(finding(reached=True), finding(reached=None)).good
    assert not soaked(finding(reached=True), finding(reached=False)).good


def test_one_failed_request_fails_the_soak_and_is_told() -> None:
    broken = case(failures=1, complaints=["500: x"])
    told = soaked(finding(reached=True), cases=[case(), broken])
    assert not told.good
    assert "soak-case: 1 failures; 500: x" in told.told()


def test_the_table_says_what_was_missed() -> None:
    text = soaked(finding(reached=False), finding(reached=True)).told()
    assert "| log | a case | us a record 2.5 | ≤ 1 | **no** |" in text
    assert "| log | a case | us a record 2.5 | ≤ 1 | yes |" in text


def test_the_generator_is_not_counted_among_the_servers() -> None:
    assert case().server_us == 8.0


def test_findings_of_several_rows_come_together() -> None:
    both = Found([finding(reached=True)])
    both.add(Found([finding(reached=None)], [case()]))
    assert len(both.findings) == 2
    assert len(both.cases) == 1


def populated(scale: Scale) -> Population:
    somebody, names = Credentials("", ""), [f"r{number}" for number in range(scale.resources)]
    granted = [Subscription(f"s{n}", names[place], 1) for n, place in enumerate(scale.wanted())]
    return Population(
        scale=scale, items=list(records.ITEMS), publisher=somebody, publishers=[], systems=[],
        long="long", long_reader=granted[0], resources=names, subscriptions=granted,
    )  # fmt: skip


@pytest.mark.parametrize("scale", [FULL, QUICK])
def test_subscriptions_are_shared_out_as_the_scale_says(scale: Scale) -> None:
    places = scale.wanted()
    assert len(places) == scale.subscriptions
    assert places.count(0) == scale.popular
    assert set(places) == set(range(scale.spread + 1))
    assert max(places) < scale.resources


def test_a_population_is_used_again_at_its_own_scale_only(tmp_path: Path) -> None:
    assert read(tmp_path, QUICK) is None
    made = populated(QUICK)
    made.write(tmp_path)
    assert read(tmp_path, QUICK) == made
    assert read(tmp_path, FULL) is None
    structs.replace(made, items=["other"]).write(tmp_path)
    assert read(tmp_path, QUICK) is None


def test_the_first_subscriptions_that_are_spread_are_of_one_resource_each() -> None:
    found = populated(Scale(resources=5, subscriptions=11, popular=2, spread=3))
    assert [each.resource for each in found.popular] == ["r0"] * 2
    assert [each.resource for each in found.one_each] == ["r1", "r2", "r3"]
    assert [each.resource for each in found.spread] == ["r1", "r2", "r3"] * 3


def test_a_page_is_asked_for_by_limit_and_cursor() -> None:
    asked = Subscription("s", "r", 0)
    assert target(asked, 5) == "/v1/subscriptions/s/records?limit=5"
    assert target(asked, 5, "c").endswith("records?limit=5&cursor=c")
