"""The benchmark's own machinery in a short form: what it writes, and that it can fail."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from deploy.local.report import Report
from loadtests import bench
from loadtests import targets as facts
from loadtests.cases import generators
from loadtests.generator import Pace
from loadtests.results import PARTS
from loadtests.stage import Stage
from loadtests.targets import BESIDE, NAIVE, SHUYUAN, TARGETS, TUNED_NAIVE
from loadtests.ways import ROWS
from loadtests.world import RATE_LIMIT, staff_logins

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

# The names of api.md section 6, exactly.
TOP = {"started_at", "seconds", "machine", "cases"}
MACHINE = {"cores", "memory_bytes", "python", "kafka", "postgresql"}
CASE = {
    "name", "system", "generator", "requests_per_second", "records_per_second", "p50_ms",
    "p99_ms", "failures", "cpu_seconds", "cpu_us_per_record", "records_answered",
    "records_read_back",
}  # fmt: skip
ARCHIVE = 30_000  # as conftest fills it
SHORT = bench.Plan(
    1,
    Pace(0.2, 0.8, 1_600_000),
    Pace(0.2, 1.6, pairs=2),
    ARCHIVE,
    10_000,
    1_600_000,
    0.6,
    indicative=True,
    only=(
        *("publish-500/shuyuan", "publish-500/shuyuan/raw", "publish-500/naive/raw"),
        *("publish-500/naive-batched/raw", "publish-500/kafka-producer-perf-test/1 producer"),
        *("pull-500-masked-quota/shuyuan/raw", "query/shuyuan", "verify/shuyuan/raw"),
        *("publish-1-keyed//raw", "pull-500-masked//raw", "pull-500-masked/shuyuan/wrk"),
        *("pull-catch-up/kafka-consumer-perf-test", "revocation", "storm", BESIDE),
        *("push", "push-beside-bad", "snapshot-parquet", "table-out", "table-in/shuyuan"),
        *("file-download//raw", "service-call"),
    ),
)


@pytest.fixture(scope="module")
async def results(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one short run of the benchmark has written, its Markdown beside it."""
    folder = tmp_path_factory.mktemp("results")
    await asyncio.to_thread(bench.measure, stage, SHORT, folder, Report())
    assert "| publish-500 | shuyuan | raw |" in (folder / "latest.md").read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads((folder / "latest.json").read_text(encoding="utf-8"))
    return told


def case_of(results: Mapping[str, Any], name: str, system: str, generator: str) -> dict[str, Any]:
    wanted = (name, system, generator)
    found = [each for each in results["cases"] if _row(each) == wanted]
    assert len(found) == 1, [_row(each) for each in results["cases"]]
    return dict(found[0])


def _row(case: Mapping[str, Any]) -> tuple[str, str, str]:
    return case["name"], case["system"], case["generator"]


async def test_results_have_the_names_that_others_rely_on(results: dict[str, Any]) -> None:
    assert results.keys() >= TOP
    assert results["machine"].keys() >= MACHINE
    assert results["cases"]
    for case in results["cases"]:
        assert case.keys() >= CASE
        assert case["cpu_seconds"].keys() == set(PARTS)
        # A storm may leave no record answered in its window: then there is no cost of one.
        assert case["cpu_us_per_record"].keys() in (set(PARTS), set())


async def test_every_acknowledged_record_is_read_back_from_the_log(results: dict[str, Any]) -> None:
    for case in results["cases"]:
        assert case["failures"] == 0, (case["name"], case["complaints"])
        assert case["records_answered"] == case["records_read_back"] > 0, case


async def test_each_figure_tells_what_it_cost(results: dict[str, Any]) -> None:
    case = case_of(results, "publish-500", SHUYUAN, "raw")
    assert case["records_per_second"] == pytest.approx(500 * case["requests_per_second"], rel=0.01)
    assert case["cpu_seconds"]["gateway"] > 0
    assert case["cpu_seconds"]["broker"] > 0
    assert case["cpu_seconds"]["generator"] > 0
    assert case["memory_bytes"]["gateway"] > 20_000_000


async def test_locust_and_the_raw_generator_ask_for_the_same_things(
    results: dict[str, Any],
) -> None:
    case_of(results, "publish-500", SHUYUAN, "locust")
    case_of(results, "publish-500", SHUYUAN, "raw")


async def test_kafkas_own_producer_runs_beside(results: dict[str, Any]) -> None:
    tool = "kafka-producer-perf-test"
    assert case_of(results, "publish-500", tool, "1 producer")["records_answered"] == 1_600_000


async def test_the_naive_service_gives_back_what_it_took(results: dict[str, Any]) -> None:
    published = case_of(results, "publish-500", NAIVE, "raw")
    pulled = case_of(results, "pull-500-masked", NAIVE, "raw")
    assert published["records_per_second"] > 0
    assert pulled["records_per_second"] > 0
    assert case_of(results, "publish-500", TUNED_NAIVE, "raw")["records_per_second"] > 0


async def test_one_record_is_asked_for_by_every_generator(results: dict[str, Any]) -> None:
    for by in ("locust", generators()[0]):
        assert case_of(results, "query", SHUYUAN, by)["records_read_back"] > 0
    assert case_of(results, "verify", SHUYUAN, "raw")["records_read_back"] > 0


async def test_the_other_ways_are_measured_beside_their_references(
    results: dict[str, Any],
) -> None:
    for name, by in (("push", "raw"), ("snapshot-parquet", "raw"), ("service-call", "locust")):
        assert case_of(results, name, SHUYUAN, by)["records_per_second"] > 0
    for name in ("table-out", "table-in"):
        assert case_of(results, name, SHUYUAN, "agent")["records_read_back"] == ROWS
    assert case_of(results, "file-download", facts.FILES, "raw")["records_read_back"] > 0
    assert case_of(results, "service-call", facts.PROXY, "raw")["records_read_back"] > 0
    told = case_of(results, "push-beside-bad", SHUYUAN, "raw")["facts"]
    assert told["others_p50_quiet_ms"] > 0
    assert told["others_p99_beside_ms"] > 0


async def test_no_record_leaves_a_second_after_a_suspension(results: dict[str, Any]) -> None:
    told = case_of(results, "revocation", SHUYUAN, "locust")["facts"]
    assert told[facts.SUSPENSIONS] >= 4
    assert told[facts.LATEST_RECORD] < 1000
    assert 0 < told[facts.POLL_ENDED] < 1000
    latest = max(told[facts.LATEST_RECORD], told[facts.POLL_ENDED])
    assert told[facts.LAST_BYTE_P50] <= told[facts.LAST_BYTE_P99] <= latest


async def test_a_storm_is_turned_away_in_order_and_others_go_on(
    stage: Stage, results: dict[str, Any]
) -> None:
    case = case_of(results, "storm", SHUYUAN, "locust")
    assert case["failures"] == 0, case
    assert case["facts"][facts.BYSTANDER_P99] > 0
    world, logins = stage.world, staff_logins(stage.arena.credentials)
    with world.person(logins["operator"]) as operator:
        consumer = operator.ask("GET", f"/v1/clients/{world.consumer.name}")
    assert consumer["rate_limit"] == RATE_LIMIT


async def test_single_records_are_timed_with_and_without_batches(results: dict[str, Any]) -> None:
    case = case_of(results, BESIDE, SHUYUAN, "raw")
    told = case["facts"]
    assert told[facts.P99_RATIO_LEAST] <= told[facts.P99_RATIO] <= told[facts.P99_RATIO_MOST]
    assert told[facts.BATCHES_ANSWERED] > 0
    assert told[facts.BATCHES_DUE] > 0
    # The batches of both pairs, each longer than a second, are among what was read back.
    assert case["records_read_back"] > 500 * told[facts.BATCHES_ANSWERED]


async def test_every_target_is_judged_or_said_to_be_unmeasured(results: dict[str, Any]) -> None:
    found = {(each["case"], each["target"]): each for each in results["targets"]}
    assert len(found) == len(TARGETS)
    assert found["publish-1", "≥ 8 times less CPU than the naive service"]["reached"] is None
    assert found["publish-500", "≤ 6 µs of gateway CPU a record"]["reached"] in {True, False}


async def test_each_row_tells_how_its_runs_lie(results: dict[str, Any]) -> None:
    spread = case_of(results, "publish-500", SHUYUAN, "raw")["spread"]
    assert spread.keys() == {"rate", "p99_ms", *PARTS}
    assert spread["rate"]["least"] == spread["rate"]["most"] > 0  # one round
