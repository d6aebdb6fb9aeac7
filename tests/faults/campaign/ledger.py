"""The campaign's own book: what was sent, what was acknowledged, what readers were given."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from tests.faults.campaign.wire import Answer

UPSERT, DELETE = "upsert", "delete"


class Fate(StrEnum):
    """What the publisher knows: `unknown` may be in the log or not, `refused` must not."""

    UNKNOWN = "unknown"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Line:
    """One record as it was sent; `number` is unique in the campaign, 0 for a delete."""

    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run of offsets that a receipt names; both ends are in it."""

    partition: int
    first: int
    last: int


@dataclass(slots=True)
class Attempt:
    """One batch of one publisher, whatever number of tries it took."""

    serial: int
    resource: str
    partitions: int
    op: str
    lines: Sequence[Line]
    idempotency_key: str | None
    sent_at: float
    fate: Fate = Fate.UNKNOWN
    runs: Sequence[Run] = ()
    receipt_id: str = ""
    answered_at: float = 0.0
    tries: int = 0
    worker: str = ""
    codes: list[str] = field(default_factory=list)

    def told(self) -> str:
        """Say what happened to it, for a person who looks for the cause."""
        runs = [(run.partition, run.first, run.last) for run in self.runs]
        return (
            f"attempt {self.serial} ({self.op} of {len(self.lines)}, first {self.lines[0]}, "
            f"key {self.idempotency_key}, {self.fate}, tries {self.tries}, worker {self.worker}, "
            f"refusals {dict(Counter(self.codes))}, sent {self.sent_at:.3f}, "
            f"answered {self.answered_at:.3f}, positions {runs})"
        )


@dataclass(slots=True)
class Chain:
    """What one reader was given, in order: numbers of upserts, shown keys of deletes.

    `shown` maps the key as it was shown to a number that it came with.
    """

    reader: str
    resource: str
    partitions: int
    masked: bool
    items: list[int | str] = field(default_factory=list)
    shown: dict[str, int] = field(default_factory=dict)
    pages: int = 0
    again: int = 0


class Ledger:
    """All attempts and chains, in memory and, what was acknowledged, line by line in a file."""

    def __init__(self, path: Path) -> None:
        self.attempts: list[Attempt] = []
        self.chains: list[Chain] = []
        self._numbers = count(1)
        self._file = path.open("ab")

    def attempt(
        self, resource: str, partitions: int, keys: Sequence[str], idempotency_key: str | None,
        op: str = UPSERT,
    ) -> Attempt:  # fmt: skip
        """Note a batch before it is sent."""
        lines = [Line(key, 0 if op == DELETE else next(self._numbers)) for key in keys]
        made = Attempt(
            len(self.attempts) + 1, resource, partitions, op, lines, idempotency_key, time.time()
        )
        self.attempts.append(made)
        return made

    def acknowledge(self, attempt: Attempt, answer: Answer) -> None:
        """Note a receipt before anything else is done with it."""
        receipt = orjson.loads(answer.body)
        attempt.runs = [
            Run(each["partition"], each["first_offset"], each["last_offset"])
            for each in receipt["positions"]
        ]
        attempt.receipt_id = receipt["receipt_id"]
        attempt.fate, attempt.worker = Fate.ACKNOWLEDGED, answer.worker
        attempt.answered_at = time.time()
        self.write(attempt=asdict(attempt))

    def write(self, **facts: Any) -> None:  # noqa: ANN401 - whatever tells the story
        """Add a line to the file."""
        self._file.write(orjson.dumps({"at": time.time(), **facts}) + b"\n")
        self._file.flush()

    def acknowledged(self) -> Iterator[Attempt]:
        return (each for each in self.attempts if each.fate is Fate.ACKNOWLEDGED)

    def close(self) -> None:
        self._file.close()
