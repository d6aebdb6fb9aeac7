"""Watches the memory of processes while something else runs."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from loadtests.processes import sample

Look = Callable[[], None]


@dataclass(slots=True)
class Watched:
    """Samples of every family: seconds since the beginning, and bytes."""

    seconds: list[float] = field(default_factory=list)
    memory_bytes: dict[str, list[int]] = field(default_factory=dict)

    def most(self, family: str) -> int:
        return max(self.memory_bytes.get(family, [0]))


@contextmanager
def watched(families: Mapping[str, int], every_seconds: float) -> Iterator[Watched]:
    """Sample the families until the block ends."""
    found, done, begun = Watched(), threading.Event(), time.monotonic()

    def watch() -> None:
        while not done.wait(every_seconds):
            seen = sample(families)
            found.seconds.append(seen.at - begun)
            for role, size in seen.memory_bytes.items():
                found.memory_bytes.setdefault(role, []).append(size)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()
