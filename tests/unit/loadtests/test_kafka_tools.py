"""What Kafka's tools print, and what of it is a steady window."""

import sys
from pathlib import Path

import pytest

from loadtests import kafka_tools
from loadtests.runs import Child, Observed, RunFailed, observe

SENT = """\
Reading payloads from: /somewhere/payloads.ndjson
2500 records sent, 10000.0 records/sec (3.0 MB/sec), 2.0 ms avg latency, 9.0 ms max latency.
In steady state.
1 records sent, 1.0 records/sec (0.00 MB/sec), 968.0 ms avg latency, 968.0 ms max latency.
1500 records sent, 6000.0 records/sec (1.9 MB/sec), 2.0 ms avg latency, 9.0 ms max latency.
10000 records sent, 9000.0 records/sec (2.7 MB/sec), 2.0 ms avg latency, 1 ms 50th, 2 ms 95th
5000 steady state records sent, 9000.0 records/sec, 5 ms 50th, 6 ms 95th, 7 ms 99th, 8 ms 99.9th.
""".splitlines()


def test_only_the_producers_steady_windows_are_added_up() -> None:
    """It said nothing of 2,500 records that waited in its buffer, and a run was called failed."""
    tool, told = kafka_tools.Tool(5000), []
    for line in SENT:
        tool.said(line)
        told.append((tool.done, tool.is_warm))
    assert told[:3] == [(0, False), (0, False), (5000, False)]
    assert told[3:] == [(5001, True), (6501, True), (6501, True), (6501, True)]
    assert (tool.sent, tool.sums) == (10_000, (5.0, 7.0))


def test_the_consumer_counts_from_its_start() -> None:
    line = "2026-11-22 05:48:24:258, 0, 34.3068, 22.1508, 113185, 73080.0781, 0, 512, 22.1, 73080.0"
    assert kafka_tools.received(line) == 113185
    assert kafka_tools.received("WARN something, with commas") is None


def test_tools_are_tuned_and_run_in_four_ways() -> None:
    assert "batch.size=262144" in kafka_tools.TUNED
    assert "linger.ms=10" in kafka_tools.TUNED
    told = ["1 producer", "2 producers", "1 producer, lz4", "2 producers, lz4"]
    assert list(map(str, kafka_tools.VARIANTS)) == told


def consumer(folder: Path, number: int, pause: float, *, of: int = 1) -> list[str]:
    """A program that tells its progress as the consumer does, a hundred records a line.

    It begins when as many as there are to be have come: a busy machine starts them apart.
    """
    code = (
        "import os, pathlib, time\n"
        f"pathlib.Path({str(folder)!r}, 'here-{number}').touch()\n"
        f"while sum(name.startswith('here-') for name in os.listdir({str(folder)!r})) < {of}:\n"
        "    time.sleep(0.01)\n"
        "for n in range(30):\n"
        f"    time.sleep({pause})\n"
        "    print(f'a, 0, 1, 1, {100 * (n + 1)}, 1, 0, 1, 1, 1', flush=True)\n"
    )
    return [sys.executable, "-c", code]


def ran(tmp_path: Path, *commands: list[str], warm_up: int) -> Observed:
    child = Child.calling(tmp_path / "log", kafka_tools.run, commands, warm_up)
    return observe(child, {}, 180.0)


def test_two_tools_count_while_both_are_warm(tmp_path: Path) -> None:
    both = [consumer(tmp_path, number, 0.05 * (number + 1), of=2) for number in range(2)]
    found = ran(tmp_path, *both, warm_up=100)
    assert found.total.records == 6_000
    # The quick one ends first: what the slow one does afterwards is in no window.
    assert 500 < found.window.records < 5_800
    assert found.window.seconds > 0.1
    assert found.use.cpu_seconds["generator"] >= 0


def test_a_tool_that_is_never_warm_fails_the_run(tmp_path: Path) -> None:
    with pytest.raises(RunFailed):
        ran(tmp_path, consumer(tmp_path, 0, 0.0), warm_up=10_000)
