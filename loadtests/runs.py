"""Runs generators and tools as children and samples the machine at the marks that they tell."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import msgspec
import numpy as np

from loadtests.processes import Sample, Use, between, sample
from loadtests.tally import BEGIN, DONE, END, LATENCY, MARK, Total, Window

ROOT = Path(__file__).parents[1]
GENERATOR = "generator"
COMPLAINT_BYTES = 2000

Reply = TypeVar("Reply")
# Makes of a line how many records are done by then, None of any line before the program is warm.
Progress = Callable[[str], int | None]


class RunFailed(Exception):
    """A generator, reader or reference did not do what it was started for."""


@dataclass(frozen=True, slots=True)
class Observed:
    window: Window
    total: Total
    use: Use


@dataclass(frozen=True, slots=True)
class Steady:
    """What programs that know no marks wrote, and the window in which all of them were warm."""

    lines: Sequence[Sequence[str]]
    records: float
    use: Use


@dataclass(frozen=True, slots=True)
class Child:
    """A program of our own with what it reads on standard input; its complaints go to a log."""

    arguments: Sequence[str]
    log: Path
    order: bytes = b""

    @classmethod
    def python(cls, module: str, log: Path, order: object) -> "Child":
        return cls((sys.executable, "-m", module), log, msgspec.json.encode(order))

    def failed(self, told: str = "") -> RunFailed:
        said = told or self.log.read_text(errors="replace")[-COMPLAINT_BYTES:].strip()
        return RunFailed(f"{' '.join(self.arguments[:4])}: {said or 'no answer'}")


def observe(
    child: Child,
    families: Mapping[str, int],
    limit_seconds: float,
    begun: threading.Event | None = None,
) -> Observed:
    """Run a generator; raises RunFailed unless it tells all its marks within the limit.

    `begun` is set as its window opens.
    """
    samples: dict[str, Sample] = {}
    told: dict[str, bytes] = {}
    with running(child, limit_seconds) as (process, output):
        everybody = {GENERATOR: process.pid, **families}  # it may be gone first
        for line in output:
            if line.startswith(MARK.encode()):
                mark, _, facts = line.decode().removeprefix(MARK).partition(" ")
                samples[mark], told[mark] = sample(everybody), facts.encode()
                if begun:
                    begun.set()
    if not told.keys() >= {BEGIN, END, DONE}:
        raise child.failed()
    window = msgspec.json.decode(told[END], type=Window)
    if LATENCY in told:
        window = msgspec.structs.replace(window, **msgspec.json.decode(told[LATENCY]))
    total = msgspec.json.decode(told[DONE], type=Total)
    return Observed(window, total, between(samples[BEGIN], samples[END]))


def ask(child: Child, reply: type[Reply], limit_seconds: float) -> Reply:
    """Run a program that answers one JSON on its output; raises RunFailed."""
    with running(child, limit_seconds) as (_process, output):
        text = output.read()
    try:
        return msgspec.json.decode(text, type=reply)
    except msgspec.MsgspecError as error:
        raise child.failed() from error


@dataclass(frozen=True, slots=True)
class Steps:
    """What one program wrote, how many records were done at its marks, and the samples there."""

    lines: Sequence[str]
    records: Sequence[int]
    samples: Sequence[Sample]

    def grown(self, figures: Sequence[float], begin: float, end: float) -> float:
        """Return by how much a figure grew between two times, read between the samples."""
        first, last = np.interp([begin, end], [each.at for each in self.samples], figures)
        return float(last - first)

    def cpu(self, role: str, begin: float, end: float) -> float:
        return self.grown([each.cpu_seconds[role] for each in self.samples], begin, end)


def steady(
    children: Sequence[tuple[Child, Progress]], families: Mapping[str, int], limit_seconds: float
) -> Steady:
    """Run programs that tell their progress in lines; raises RunFailed unless all become steady.

    Samples are taken as such lines come; the window is where those of all overlap, so that no start
    and no end is within it.
    """
    with ThreadPoolExecutor(len(children)) as pool:
        runs = [pool.submit(_stepped, *each, families, limit_seconds) for each in children]
        done = [run.result() for run in runs]
    begin = max(each.samples[0].at for each in done)
    end = min(each.samples[-1].at for each in done)
    if end <= begin:
        raise RunFailed("the tools were never warm at the same time")
    one, records = done[0], sum(each.grown(each.records, begin, end) for each in done)
    used = {role: one.cpu(role, begin, end) for role in families}
    used[GENERATOR] = sum(each.cpu(GENERATOR, begin, end) for each in done)
    busy = one.grown([each.busy_seconds for each in one.samples], begin, end)
    others = max(0.0, busy - sum(used.values()))
    use = Use(end - begin, used, one.samples[0].memory_bytes, others)
    return Steady([each.lines for each in done], records, use)


def _stepped(
    child: Child, progress: Progress, families: Mapping[str, int], limit_seconds: float
) -> Steps:
    lines: list[str] = []
    counts: list[int] = []
    samples: list[Sample] = []
    with running(child, limit_seconds) as (process, output):
        everybody = {GENERATOR: process.pid, **families}
        for line in output:
            lines.append(line.decode(errors="replace").rstrip())
            records = progress(lines[-1])
            if records is not None:
                counts.append(records)
                samples.append(sample(everybody, memory=not samples))
    if process.returncode or len(samples) < 2:  # noqa: PLR2004 - a window has two ends
        raise child.failed("\n".join(lines[-5:]))
    return Steps(lines, counts, samples)


@contextmanager
def running(
    child: Child, limit_seconds: float
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Start the child, hand it its order, kill it at the limit and whenever we leave early."""
    with child.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
            child.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT
        )
    assert process.stdin is not None  # noqa: S101 - narrows the type
    assert process.stdout is not None  # noqa: S101 - narrows the type
    timer = threading.Timer(limit_seconds, process.kill)
    timer.start()
    try:
        process.stdin.write(child.order)
        process.stdin.close()
        yield process, process.stdout
        process.wait()
    finally:
        timer.cancel()
        if process.returncode is None:
            process.kill()
            process.wait()
        process.stdout.close()


@contextmanager
def meanwhile(child: Child, limit_seconds: float) -> Iterator[None]:
    """Let a program that never ends by itself run beside the block."""
    with running(child, limit_seconds) as (process, _output):
        yield
        process.kill()
