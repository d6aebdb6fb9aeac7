"""Runs generators and tools as children and samples the machine at the marks that they tell."""

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from loadtests.processes import Sample, Use, between, sample
from loadtests.tally import BEGIN, DONE, END, LATENCY, MARK, Total, Window

ROOT = Path(__file__).parents[1]
GENERATOR = "generator"
COMPLAINT_BYTES = 2000


class RunFailed(Exception):
    """A generator, reader or reference did not do what it was started for."""


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
    def calling(cls, log: Path, function: Callable[..., object], *arguments: object) -> "Child":
        """Return a call in a process of its own; a coroutine function is run to its end."""
        program = (sys.executable, "-m", "loadtests.child", function.__qualname__)
        return cls(program, log, pickle.dumps((function, arguments)))

    def failed(self) -> RunFailed:
        said = self.log.read_text(errors="replace")[-COMPLAINT_BYTES:].strip()
        return RunFailed(f"{' '.join(self.arguments[:4])}: {said or 'no answer'}")


def observe(child: Child, families: Mapping[str, int], limit_seconds: float) -> Observed:
    """Run a generator; raises RunFailed unless it tells all its marks within the limit."""
    samples: dict[str, Sample] = {}
    told: dict[str, bytes] = {}
    with running(child, limit_seconds) as (process, output):
        everybody = {GENERATOR: process.pid, **families}  # it may be gone first
        for line in output:
            if line.startswith(MARK.encode()):
                mark, _, facts = line.decode().removeprefix(MARK).partition(" ")
                samples[mark], told[mark] = sample(everybody), facts.encode()
    if not told.keys() >= {BEGIN, END, DONE}:
        raise child.failed()
    window = msgspec.json.decode(told[END], type=Window)
    if LATENCY in told:
        window = msgspec.structs.replace(window, **msgspec.json.decode(told[LATENCY]))
    total = msgspec.json.decode(told[DONE], type=Total)
    return Observed(window, total, between(samples[BEGIN], samples[END]))


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
