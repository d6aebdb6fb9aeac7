"""Numbers of many processes are told as one, also when one of them has ended (I8)."""

import asyncio
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.ports import any_free
from kernel import metrics, metrics_folder
from kernel.metrics import CHILDREN_MAX, Counter, Gauge, Histogram
from kernel.metrics_folder import MetricsFolder
from kernel.metrics_server import serving
from tests.support.eventually import eventually

PROCESS = """
import sys
from pathlib import Path
from kernel.metrics import Counter, Gauge, Histogram
from kernel.metrics_folder import MetricsFolder
Counter("test_passed", "x", "kind").add(3, "a")
Gauge("test_now", "x").read_by(lambda: 2)
Gauge("test_worst", "x", merge="max").read_by(lambda: 5)
Histogram("test_seconds", "x").of().add(0.003)
folder = MetricsFolder(Path(sys.argv[1]))
folder.write()
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "METRICS", {})


@pytest.fixture
def others(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that have written their metrics to `tmp_path`."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
    yield started
    for process in started:
        process.kill()
        process.communicate()


def read(folder: Path) -> dict[str, str]:
    told = MetricsFolder(folder).exposition().decode()
    lines = [line for line in told.splitlines() if not line.startswith("#")]
    return {name: value for name, _, value in (line.rpartition(" ") for line in lines)}


def test_processes_are_added_up_and_what_has_ended_stays_counted(
    tmp_path: Path, others: list[subprocess.Popen[str]]
) -> None:
    told = read(tmp_path)
    assert told['test_passed_total{kind="a"}'] == "6.0"
    assert (told["test_now"], told["test_worst"]) == ("4.0", "5.0")
    assert told['test_seconds_bucket{le="0.0025"}'] == "0.0"
    assert told['test_seconds_bucket{le="0.005"}'] == "2.0"
    assert told['test_seconds_bucket{le="+Inf"}'] == told["test_seconds_count"] == "2.0"
    for process in others:
        process.kill()
        process.wait()
        told = read(tmp_path)
        assert told['test_passed_total{kind="a"}'] == "6.0"
    assert "test_now" not in told
    assert [file.name for file in tmp_path.glob("*.json")] == ["ended.json"]
    assert json.loads((tmp_path / "ended.json").read_text())
    assert read(tmp_path)["test_seconds_count"] == "2.0"


def test_labels_that_callers_choose_are_bounded() -> None:
    counter, times = Counter("test_passed", "x", "code"), Histogram("test_seconds", "x", "path")
    for number in range(CHILDREN_MAX + 50):
        counter.add(1, str(number))
        times.of(str(number)).add(1.0)
    assert len(counter.samples()) == CHILDREN_MAX + 1
    assert dict(counter.samples())["others",] == 50
    assert len(times.samples()) == CHILDREN_MAX + 1


def test_a_port_tells_the_metrics_and_nothing_else() -> None:
    Gauge("test_now", "what is now").read_by(lambda: 7)
    with serving("127.0.0.1", any_free(), MetricsFolder(None).exposition) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"test_now 7.0" in answer.read()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/other", timeout=5)


def let_go(folder: MetricsFolder) -> None:
    """Give up what a process holds for as long as it lives."""
    assert folder._alive is not None
    folder._alive.close()


async def test_a_disk_without_room_costs_nothing_but_the_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop died, and with it every worker again and again: records need no such disk."""
    monkeypatch.setattr(metrics_folder, "WRITE_SECONDS", 0.01)
    place = tmp_path / "metrics"
    place.mkdir()
    Counter("test_passed", "x", "kind").add(3, "a")
    folder = MetricsFolder(place)
    running = asyncio.create_task(folder.run())
    await eventually(lambda: len(list(place.glob("*.json"))) == 1)
    # Whoever tidies temporary files takes the folder; a full disk refuses as well.
    shutil.rmtree(place)
    await eventually(lambda: "metrics are not written" in caplog.text)
    place.mkdir()
    await eventually(lambda: len(list(place.glob("*.json"))) == 1)
    assert not running.done()
    # It lives: what it counted is not that of a process that has ended.
    assert read(place)['test_passed_total{kind="a"}'] == "3.0"
    assert read(place)['test_passed_total{kind="a"}'] == "3.0"
    running.cancel()
    let_go(folder)
    assert caplog.text.count("metrics are not written") == 1


def test_a_draft_that_could_not_be_written_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    folder = MetricsFolder(tmp_path)
    with pytest.raises(OSError, match="No space"):
        folder.write()
    let_go(folder)
    assert [path.suffix for path in tmp_path.iterdir()] == [".alive"]
