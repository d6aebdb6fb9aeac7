"""Adds up the metrics of a node's processes, each of which writes a file of its own.

What a process counted stays counted when it has ended, so that sums never fall; what it was, ends
with it. A kill loses what was counted since the last write, a second at most.
"""

import asyncio
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from kernel.drafts import write_whole
from kernel.metrics import BOUNDS, Labels, Sample, Snapshot, Told, snapshot

log = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ENDED = "ended"
ALIVE = ".alive"


@dataclass(slots=True)
class _Sum:
    """One metric of several processes."""

    about: Told
    samples: dict[tuple[str, ...], Sample] = field(default_factory=dict)


Sums = dict[str, _Sum]


class MetricsFolder:
    """The folder of one node; without a path it is this process alone."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._own = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._alive: IO[str] | None = None
        self._fails = False

    async def run(self) -> None:
        """Write this process' metrics for ever; a disk that is full costs nothing but them."""
        while True:
            try:
                self.write()
            except OSError as error:
                if not self._fails:
                    log.warning("metrics are not written for now: %r", error)
                self._fails = True
            else:
                self._fails = False
            await asyncio.sleep(WRITE_SECONDS)

    def write(self) -> None:
        """Replace what this process has said before."""
        if self._path is None:
            return
        alive = self._path / f"{self._own}{ALIVE}"
        if self._alive is not None and not alive.exists():
            # Whoever tidies temporary files has removed it.
            self._alive.close()
            self._alive = None
        if self._alive is None:
            # The kernel gives the lock up with the process, however that ends.
            self._alive = alive.open("a", encoding="ascii")
            fcntl.flock(self._alive, fcntl.LOCK_EX)
        _replace(self._path / f"{self._own}.json", snapshot())

    def exposition(self) -> bytes:
        """Return the sums of all processes in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(_Collector(self._sums()))
        return generate_latest(registry)

    def totals(self) -> Mapping[str, Mapping[Labels, Sample]]:
        """Return the sums of all processes by metric and the values of its labels."""
        return {name: whole.samples for name, whole in self._sums().items()}

    @property
    def place(self) -> Path | None:
        """What the processes of a node share; None of a process alone."""
        return self._path

    def _sums(self) -> "Sums":
        sums: Sums = {}
        if self._path is None:
            _add(sums, snapshot(), living=True)
        else:
            with _locked(self._path):
                _gather(self._path, sums)
        return sums


class _Collector:
    def __init__(self, sums: Sums) -> None:
        self._sums = sums

    def collect(self) -> Iterator[Metric]:
        for name, whole in sorted(self._sums.items()):
            yield _family(name, whole)


def _family(name: str, whole: _Sum) -> Metric:
    kind, told, labels = whole.about["kind"], whole.about["told"], whole.about["labels"]
    if kind == "histogram":
        times = HistogramMetricFamily(name, told, labels=labels)
        for values, sample in whole.samples.items():
            *counts, total = _numbers(sample)
            times.add_metric(values, _cumulative(counts), total)
        return times
    made = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
    family = made(name, told, labels=labels)
    for values, sample in whole.samples.items():
        family.add_metric(values, _numbers(sample)[0])
    return family


def _cumulative(counts: list[float]) -> list[tuple[str, float]]:
    sum_, buckets = 0.0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
        sum_ += count
        buckets.append((bound, sum_))
    return buckets


def _gather(folder: Path, sums: Sums) -> None:
    """Add up what the files say; those of processes that have ended become one."""
    ended: Sums = {}
    over = []
    for file in sorted(folder.glob("*.json")):
        living = _lives(file.with_suffix(ALIVE))
        content = _read(file)
        _add(sums, content, living=living)
        if not living:
            _add(ended, content, living=False)
            over.append(file)
    if len(over) > 1:
        _replace(folder / f"{ENDED}.json", _as_told(ended))
        for file in over:
            if file.stem != ENDED:
                file.unlink()
                file.with_suffix(ALIVE).unlink(missing_ok=True)


def _as_told(sums: Sums) -> Snapshot:
    return {
        name: {**whole.about, "samples": list(whole.samples.items())}
        for name, whole in sums.items()
    }


def _add(sums: Sums, told: Snapshot, *, living: bool) -> None:
    for name, metric in told.items():
        if metric["kind"] == "gauge" and not living:
            continue
        whole = sums.setdefault(name, _Sum(metric))
        for labels, sample in metric["samples"]:
            known = whole.samples.get(tuple(labels))
            merged = sample if known is None else _merged(known, sample, metric["greatest"])
            whole.samples[tuple(labels)] = merged


def _merged(before: Sample, sample: Sample, greatest: bool) -> Sample:  # noqa: FBT001 - as told
    pairs = zip(_numbers(before), _numbers(sample), strict=True)
    merged = [max(pair) if greatest else sum(pair) for pair in pairs]
    return merged if isinstance(sample, list) else merged[0]


def _numbers(sample: Sample) -> list[float]:
    return sample if isinstance(sample, list) else [sample]


def _lives(alive: Path) -> bool:
    """Whether the process that holds this lock lives."""
    try:
        with alive.open("r", encoding="ascii") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _read(file: Path) -> Snapshot:
    content: dict[str, Any] = json.loads(file.read_text(encoding="ascii"))
    return content


def _replace(file: Path, content: Snapshot) -> None:
    # `json.dump` writes piece by piece in Python, on the loop that serves: four times the work.
    write_whole(file, json.dumps(content))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One at a time folds files, else what it folds could be counted twice."""
    with (folder / ".lock").open("a", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
