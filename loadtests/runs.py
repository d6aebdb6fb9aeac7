"""Runs one generator as a child and samples the machine at the marks that it tells."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from loadtests.processes import Sample, Use, between, sample
from loadtests.tally import BEGIN, DONE, END, LATENCY, MARK, Run

ROOT = Path(__file__).parents[1]
GENERATOR = "generator"
COMPLAINT_BYTES = 2000

Reply = TypeVar("Reply")


class RunFailed(Exception):
    """A generator, reader or reference did not do what it was started for."""


class Window(msgspec.Struct, frozen=True):
    """What the generator told of its window."""

    seconds: float
    requests: int
    records: int
    p50_ms: float
    p99_ms: float


class Total(msgspec.Struct, frozen=True):
    """What the generator told of its whole run, warm-up and last answers included."""

    records: int
    checked: int
    failures: int
    refused: int
    complaints: list[str]
    acknowledged: dict[str, list[Run]]
    facts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Observed:
    window: Window
    total: Total
    use: Use


@dataclass(frozen=True, slots=True)
class Steady:
    """What a program that knows no marks wrote, and the window in which it was warm."""

    lines: Sequence[str]
    records: int
    use: Use


@dataclass(frozen=True, slots=True)
class Child:
    """A program of our own with what it reads on standard input; its complaints go to a log."""

    arguments: Sequence[str]
    log: Path
    order: bytes = b""

    @classmethod
    def python(cls, module: str, log: Path, order: bytes = b"", *more: str) -> "Child":
        return cls((sys.executable, "-m", module, *more), log, order)


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
    with _running(child, limit_seconds) as (process, output):
        everybody = {GENERATOR: process.pid, **families}  # it may be gone first
        for line in output:
            mark, _, facts = line.removeprefix(MARK.encode()).partition(b" ")
            if line.startswith(MARK.encode()):
                samples[mark.decode()] = sample(everybody)
                told[mark.decode()] = facts
                if begun:
                    begun.set()
    if not told.keys() >= {BEGIN, END, DONE}:
        raise RunFailed(f"{' '.join(child.arguments[:4])}: {_complaint(child.log)}")
    window = msgspec.json.decode(told[END], type=Window)
    if LATENCY in told:
        window = msgspec.structs.replace(window, **msgspec.json.decode(told[LATENCY]))
    return Observed(
        window,
        msgspec.json.decode(told[DONE], type=Total),
        between(samples[BEGIN], samples[END]),
    )


def ask(child: Child, reply: type[Reply], limit_seconds: float) -> Reply:
    """Run a program that answers one JSON on its output; raises RunFailed."""
    with _running(child, limit_seconds) as (_process, output):
        text = output.read()
    try:
        return msgspec.json.decode(text, type=reply)
    except msgspec.MsgspecError as error:
        raise RunFailed(f"{' '.join(child.arguments[:4])}: {_complaint(child.log)}") from error


def steady(
    child: Child,
    families: Mapping[str, int],
    limit_seconds: float,
    progress: Callable[[str], int | None],
    warm_up_records: int,
) -> Steady:
    """Run a program that tells its progress in lines; raises RunFailed unless it becomes steady.

    `progress` makes of a line how many records are done by then, None of any other line. Samples
    are taken as such lines come, so that neither a start nor an end is within the window.
    """
    marks: list[tuple[int, Sample]] = []
    lines: list[str] = []
    with _running(child, limit_seconds) as (process, output):
        everybody = {GENERATOR: process.pid, **families}  # it may be gone first
        for line in output:
            lines.append(line.decode(errors="replace").rstrip())
            records = progress(lines[-1])
            if records is not None and records >= warm_up_records:
                marks[1:] = [(records, sample(everybody, memory=not marks))]
    if process.returncode or len(marks) < 2:  # noqa: PLR2004 - a window has two ends
        raise RunFailed("\n".join([*lines[-5:], _complaint(child.log)]))
    (done_before, before), (done_after, after) = marks
    return Steady(lines, done_after - done_before, between(before, after))


@contextmanager
def _running(
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


def _complaint(log: Path) -> str:
    return log.read_text(errors="replace")[-COMPLAINT_BYTES:].strip() or "no answer"
