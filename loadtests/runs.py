"""Runs one generator as a child and samples the machine at the marks that it tells."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from loadtests.processes import Sample, Use, between, sample
from loadtests.tally import BEGIN, DONE, END, MARK, Run

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
class Child:
    """A program of our own with what it reads on standard input; its complaints go to a log."""

    arguments: Sequence[str]
    log: Path
    order: bytes = b""

    @classmethod
    def python(cls, module: str, log: Path, order: bytes = b"", *more: str) -> "Child":
        return cls((sys.executable, "-m", module, *more), log, order)


def observe(child: Child, families: Mapping[str, int], limit_seconds: float) -> Observed:
    """Run a generator; raises RunFailed unless it tells all its marks within the limit."""
    samples: dict[str, Sample] = {}
    told: dict[str, bytes] = {}
    with _running(child, limit_seconds) as (process, output):
        everybody = {**families, GENERATOR: process.pid}
        for line in output:
            mark, _, facts = line.removeprefix(MARK.encode()).partition(b" ")
            if line.startswith(MARK.encode()):
                samples[mark.decode()] = sample(everybody)
                told[mark.decode()] = facts
    if not told.keys() >= {BEGIN, END, DONE}:
        raise RunFailed(f"{' '.join(child.arguments[:4])}: {_complaint(child.log)}")
    return Observed(
        msgspec.json.decode(told[END], type=Window),
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


def whole(child: Child, families: Mapping[str, int], limit_seconds: float) -> tuple[list[str], Use]:
    """Run a program without marks; its own processor time is that of its whole life."""
    before = sample(families)
    with _running(child, limit_seconds, wait=False) as (process, output):
        lines = output.read().decode(errors="replace").splitlines()
        _pid, status, spent = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RunFailed(f"{child.arguments[-1]}: {_complaint(child.log)}")
    use = between(before, sample(families))
    own = spent.ru_utime + spent.ru_stime
    return lines, replace(
        use,
        cpu_seconds={**use.cpu_seconds, GENERATOR: own},
        memory_bytes={**use.memory_bytes, GENERATOR: spent.ru_maxrss * 1024},
        others_cpu_seconds=max(0.0, use.others_cpu_seconds - own),
    )


@contextmanager
def _running(
    child: Child, limit_seconds: float, *, wait: bool = True
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
        if wait:
            process.wait()
    finally:
        timer.cancel()
        if process.returncode is None:
            process.kill()
            process.wait()
        process.stdout.close()


def _complaint(log: Path) -> str:
    return log.read_text(errors="replace")[-COMPLAINT_BYTES:].strip() or "no answer"
