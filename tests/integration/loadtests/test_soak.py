"""The soak in a short form on the session's platform: every row runs, and says what it found."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.local.report import Report
from deploy.local.stack import Stack
from loadtests import records
from loadtests.arena import Arena, beside
from loadtests.pages import Book
from loadtests.runs import RunFailed
from loadtests.soak import __main__ as soak
from loadtests.soak import population as populations
from loadtests.soak import scaling, scene
from loadtests.soak.scene import Scene
from loadtests.stage import PAGE
from tests.support import processes
from tests.support.world import World

pytestmark = [pytest.mark.benchmark]

SCALE = populations.Scale(resources=6, subscriptions=10, popular=5, spread=4)
EFFORT = replace(scene.QUICK, seconds=0.3, log_records=8_000, polls=40, memory_minutes=0.05)


@pytest.fixture(scope="module")
def ground(
    stack: Stack,
    platform: processes.Running,
    world: World,
    settings: dict[str, str],
    logs: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Arena:
    parts = {"broker": stack.kafka.service, "database": stack.postgres.service}
    started = {role: part.running() for role, part in parts.items()}
    return Arena(
        world.base_url,
        stack.endpoints.database_url,
        stack.endpoints.kafka_bootstrap,
        logs / "credentials.json",
        tmp_path_factory.mktemp("soak"),
        {
            **{role: record.pid for role, record in started.items() if record},
            "gateway": platform.process.pid,
        },
        len(platform.worker_pids()),
        settings,
    )


@pytest.fixture(scope="module")
async def results(
    ground: Arena, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("results")
    # A broker of somebody else's is not ours to stop.
    rows = [row for row in soak.ROWS if row != "flood" or stack.kafka.service.running()]
    plan = soak.Plan(SCALE, EFFORT, rows, quick=True)
    await asyncio.to_thread(soak.run, ground, plan, folder, Report())
    assert "| log | " in (folder / "soak.md").read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads((folder / "soak.json").read_text(encoding="utf-8"))
    assert json.loads((folder / "latest.json").read_text(encoding="utf-8")) == told
    return told


def findings(results: Mapping[str, Any], row: str) -> list[dict[str, Any]]:
    return [finding for finding in results["findings"] if finding["row"] == row]


async def test_every_row_says_something(results: dict[str, Any]) -> None:
    counted = {row: len(findings(results, row)) for row in {f["row"] for f in results["findings"]}}
    counted.pop("flood", None)
    assert counted == {
        "subscriptions": 4,
        "resources": 3,
        "long polls": 2,
        "neighbours": 5,
        "log": 5,
        "memory": 3,
    }


async def test_nothing_failed_and_every_record_is_in_the_log(results: dict[str, Any]) -> None:
    assert results["cases"]
    for case in results["cases"]:
        assert case["failures"] == 0, case
        assert case["records_answered"] == case["records_read_back"], case


async def test_every_poll_heard_every_record(results: dict[str, Any]) -> None:
    for finding in findings(results, "long polls"):
        assert finding["reached"] is True, finding
        assert finding["facts"]["last_max_ms"] > 0


async def test_a_flood_without_a_broker_is_refused_in_order(results: dict[str, Any]) -> None:
    for finding in findings(results, "flood"):
        assert finding["reached"] is True, finding


async def test_first_pulls_and_the_cold_start_are_measured(results: dict[str, Any]) -> None:
    start, first, *_pairs = findings(results, "subscriptions")
    assert start["facts"]["seconds_to_ready"] > 0
    assert first["facts"]["first_pulls_per_second"] > 0
    assert first["facts"]["cpu_us_per_first_pull"] > 0


@pytest.fixture(scope="module")
async def set_scene(ground: Arena, results: dict[str, Any]) -> Scene:
    """What was registered is used again."""
    people = await asyncio.to_thread(populations.populate, ground, SCALE, lambda _line: None)
    assert people.marks.keys() == {"", scaling.MIDDLE, scaling.TAIL}
    return Scene(ground, people, EFFORT, Report())


def _spoil(book: Path) -> None:
    book.write_bytes(book.read_bytes().replace(b"upsert", b"delete", 1))


async def test_a_page_that_is_not_that_of_the_log_fails_the_run(
    ground: Arena, set_scene: Scene
) -> None:
    work = set_scene.reading("spoilt", set_scene.population.subscriptions[:2])
    _spoil(Path(work.book))
    case = await asyncio.to_thread(set_scene.pull, ground, "spoilt", work, 2)
    assert case.failures > 0
    assert "not the page of the log" in case.complaints[0]


async def test_a_first_page_that_was_not_published_is_refused(
    set_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = records.bodies(PAGE, 2)[1]
    monkeypatch.setattr(records, "bodies", lambda _size, _count: [second])
    another = replace(set_scene, population=set_scene.population)
    with pytest.raises((RunFailed, Exception), match="is not what was published"):
        await asyncio.to_thread(lambda: another.first_page)


async def test_pages_of_the_long_log_follow_one_another(set_scene: Scene) -> None:
    books = [
        Book(Path((await asyncio.to_thread(scaling.places, set_scene, mark)).book))
        for mark in (scaling.START, scaling.TAIL)
    ]
    asked = [page.target for book in books for page in book.pages]
    assert len(asked) == len(set(asked)) == 2 * scaling.count_of_pages(set_scene)


async def test_a_gateway_beside_has_settings_of_its_own_and_ends(ground: Arena) -> None:
    def started() -> tuple[bool, bool]:
        with beside(ground, workers=1) as own:
            pid = own.arena.families["gateway"]
            alive = psutil.pid_exists(pid)
        return alive, psutil.pid_exists(pid)

    assert await asyncio.to_thread(started) == (True, False)
