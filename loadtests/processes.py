"""Processor time and memory of whole process families, sampled from outside."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import psutil


@dataclass(frozen=True, slots=True)
class Sample:
    """`cpu_seconds` are user plus system since each family began; `busy_seconds` the machine's."""

    at: float
    cpu_seconds: Mapping[str, float]
    memory_bytes: Mapping[str, int]
    busy_seconds: float


@dataclass(frozen=True, slots=True)
class Use:
    """What lay between two samples; `others` is whatever else ran on this machine."""

    seconds: float
    cpu_seconds: Mapping[str, float]
    memory_bytes: Mapping[str, int]
    others_cpu_seconds: float


def sample(families: Mapping[str, int], *, memory: bool = True) -> Sample:
    """Read every family by the pid of its first process; memory is shared out fairly (PSS).

    Reading memory takes the kernel milliseconds: whoever samples often leaves it out.
    """
    members = {role: _members(pid) for role, pid in families.items()}
    sizes = (
        {role: sum(map(_memory_bytes, family)) for role, family in members.items()}
        if memory
        else {}
    )
    return Sample(
        time.monotonic(),
        {role: sum(map(_cpu_seconds, family)) for role, family in members.items()},
        sizes,
        _busy_seconds(),
    )


def between(before: Sample, after: Sample) -> Use:
    used = {
        role: max(0.0, after.cpu_seconds[role] - before.cpu_seconds.get(role, 0.0))
        for role in after.cpu_seconds
    }
    busy = after.busy_seconds - before.busy_seconds
    others = max(0.0, busy - sum(used.values()))
    memory = after.memory_bytes or before.memory_bytes
    return Use(after.at - before.at, used, memory, others)


def others_share(seconds: float) -> float:
    """Return how much of the machine is busy before anything of ours loads it: 0 to 1."""
    return float(psutil.cpu_percent(interval=seconds)) / 100


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _members(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def _cpu_seconds(process: psutil.Process) -> float:
    """Count the process and the children that it has already buried."""
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        buried = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        return float(times.user + times.system + buried)
    return 0.0


def _memory_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)
    return 0


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Linux counts guests within user time.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - guests)


@contextlib.contextmanager
def repeated(every_seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Do something again and again beside the block, in a thread of its own."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(every_seconds):
            act()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@dataclass(slots=True)
class Watched:
    """Samples of every family: seconds since the beginning, and bytes."""

    seconds: list[float] = field(default_factory=list)
    memory_bytes: dict[str, list[int]] = field(default_factory=dict)

    def most(self, family: str) -> int:
        return max(self.memory_bytes.get(family, [0]))


@contextlib.contextmanager
def watched(families: Mapping[str, int], every_seconds: float) -> Iterator[Watched]:
    """Sample the memory of the families until the block ends."""
    found, begun = Watched(), time.monotonic()

    def look() -> None:
        seen = sample(families)
        found.seconds.append(seen.at - begun)
        for role, size in seen.memory_bytes.items():
            found.memory_bytes.setdefault(role, []).append(size)

    with repeated(every_seconds, look):
        yield found
