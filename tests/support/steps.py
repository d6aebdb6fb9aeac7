"""What the logs of a platform tell of long steps of its event loops (kernel/steps.py), and P11."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOT_MS: Final = 20.0
LONG_LINE_MS: Final = 50.0
MANAGEMENT_MS: Final = 100.0
_TOLD: Final = re.compile(r"step of ([\d.]+) ms: (.*)")
# Before its first and after its last request a process may take its time.
_STARTING: Final = (
    "Server.",
    "LifespanOn.",
    "Worker.run",
    "RestoreGuard.run",
    "_ask (gateway/warming",
)
# Requests that FastAPI answers, all of known callers but sign-in.
_MANAGEMENT: Final = ("AsgiCycle.",)


@dataclass(frozen=True, slots=True, order=True)
class Step:
    ms: float
    what: str

    @property
    def limit_ms(self) -> float:
        return MANAGEMENT_MS if self.what.startswith(_MANAGEMENT) else HOT_MS


def steps(log: Path) -> Iterator[Step]:
    """Yield the steps that a process's log tells, but those of its start and stop."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        told = _TOLD.search(_message(line))
        if told and not told[2].startswith(_STARTING):
            yield Step(float(told[1]), told[2])


def too_long(found: Iterable[Step], limit_ms: float | None = None) -> list[Step]:
    """Return the steps beyond their limit of P11, the longest first."""
    return sorted((each for each in found if each.ms > (limit_ms or each.limit_ms)), reverse=True)


def _message(line: str) -> str:
    try:
        told = json.loads(line)
    except ValueError:
        return ""
    return str(told.get("message", "")) if isinstance(told, dict) else ""
