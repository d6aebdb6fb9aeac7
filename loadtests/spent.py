"""Processor seconds that parts of a platform spend, which a busy machine lengthens little."""

from collections.abc import Mapping
from contextlib import suppress

import psutil

from loadtests.arena import Arena

Spent = Mapping[str, float]


def spent(arena: Arena) -> Spent:
    """Return the processor seconds of each part until now, its children's among them."""
    return {role: _seconds(pid) for role, pid in arena.families.items()}


def since(before: Spent, arena: Arena) -> Spent:
    return {role: seconds - before[role] for role, seconds in spent(arena).items()}


def _seconds(pid: int) -> float:
    parent, total = psutil.Process(pid), 0.0
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total
