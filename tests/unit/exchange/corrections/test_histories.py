"""“Exactly” (P13): the decision who received a value, against a model, over random histories.

The model remembers what each subscription was shown; the decision knows the evidence that workers
flushed, the terms of each revision and the log. `make histories` runs thousands.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from catalog.contracts.model import DataType
from catalog.contracts.published import RecordVersion
from exchange.corrections.receiving import (
    Disputed,
    Sighting,
    TermsOf,
    affected,
    last_received,
    values,
)
from exchange.delivery.projection.views import Terms
from exchange.metering.evidence.delivered import Handed, LastSeen, Under, handed, joined, lost
from exchange.metering.evidence.trails import Delivered, ReadEvidence, Take
from exchange.subscriptions.conditions import Condition, Op
from tests.support.projecting import an_item, terms_of

HISTORIES = int(os.environ.get("TESTS_HISTORIES", "100"))
STEPS = 60
DIED = datetime(2026, 7, 1, tzinfo=UTC)
MASKS: tuple[dict[str, Any] | None, ...] = (
    None,
    {"kind": "full"},
    {"kind": "null"},
    {"kind": "hash"},
    {"kind": "partial", "keep_start": 1, "keep_end": 0},
)
FIELDS = (
    an_item("id", key=True),
    an_item("x"),
    an_item("y", DataType.INTEGER),
)
# The second version calls `x` otherwise; its element is the same.
RENAMED = (FIELDS[0], an_item("z", element="DE-x"), FIELDS[2])
VERSIONS = {1: FIELDS, 2: RENAMED}
SECRET = b"s"


def digest(value: bytes) -> str:
    return (SECRET + value).hex()


@dataclass(frozen=True)
class Record:
    """What was published: an upsert of a version, or a delete."""

    offset: int
    key: str
    version: int
    x: str | None = None
    y: int | None = None

    def sighting(self, partition: int) -> Sighting:
        name = "x" if self.version == 1 else "z"
        said: dict[str, Any] = {"id": self.key, name: self.x, "y": self.y}
        present = {item: value for item, value in said.items() if value is not None}
        return Sighting(partition, self.offset, self.version, msgspec.json.encode(present))


class Batchless:
    """Stands for a chunk whose batches nobody asks for."""

    def marks(self, _first: int, _end: int, *, whole: bool) -> bytes:
        return b"" if whole else b"-"


@dataclass
class Worker:
    """Evidence in memory, and what of it has reached the database."""

    evidence: dict[str, ReadEvidence] = field(default_factory=dict)
    flushed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def flush(self) -> None:
        told = {name: each.told() for name, each in self.evidence.items()}
        self.flushed |= told


@dataclass
class Subscription:
    """What was granted by revision, where it stands, and what it was really shown."""

    name: str
    terms: dict[int, Terms]
    position: list[int]
    shown: list[tuple[int, Record, frozenset[str]]] = field(default_factory=list)

    @property
    def revision(self) -> int:
        return max(self.terms)


class History:
    """One random history of a resource with some subscriptions, workers and kills."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - the same history each time
        self.partitions = self.random.choice((1, 2))
        self.log: list[list[Record]] = [[] for _ in range(self.partitions)]
        self.workers = [Worker() for _ in range(2)]
        self.stored: list[Handed] = []
        self.in_force = 1
        self.with_kills = self.random.random() < 0.4
        self.killed: list[tuple[LastSeen, list[int]]] = []
        self.subscriptions = [
            Subscription(f"s{n}", {1: self._terms()}, [0] * self.partitions) for n in range(4)
        ]

    def _terms(self) -> Terms:
        items = ["id", *self.random.sample(["x", "y"], self.random.choice((1, 2)))]
        masks = {item: mask for item in items[1:] if (mask := self.random.choice(MASKS))}
        filters = (
            [Condition("y", Op.GE, 2)] if "y" not in masks and self.random.random() < 0.4 else []
        )
        made = terms_of({1: FIELDS}, items, masks=masks, conditions=filters, in_force=1)
        known = {n: RecordVersion(n, fields) for n, fields in VERSIONS.items()}
        return replace(made, versions=known)

    def play(self) -> None:
        acts = [self.publish] * 5 + [self.pull] * 6 + [self.flush, self.rewind, self.amend]
        acts += [self.revise] + ([self.kill] if self.with_kills else [])
        for _ in range(STEPS):
            self.random.choice(acts)()
        for worker in self.workers:
            worker.flush()

    def publish(self) -> None:
        key = self.random.choice("abc")
        partition = ord(key) % self.partitions
        log = self.log[partition]
        # A transaction's mark takes a place of its own.
        offset = (log[-1].offset + self.random.choice((1, 1, 2))) if log else 0
        if self.random.random() < 0.15:
            log.append(Record(offset, key, self.in_force))
            return
        x = self.random.choice(("p", "q", None))
        log.append(Record(offset, key, self.in_force, x, self.random.choice((1, 2, 3))))

    def pull(self) -> None:
        subscription, worker = self.random.choice(self.subscriptions), self._worker()
        first_time = subscription.name not in worker.evidence
        for partition, log in enumerate(self.log):
            begin = subscription.position[partition]
            page = [each for each in log if each.offset >= begin][: self.random.randint(1, 3)]
            if not page:
                continue
            end = page[-1].offset + 1
            take = Take(partition, Batchless(), begin, end)  # type: ignore[arg-type]
            terms = subscription.terms[subscription.revision]
            self._show(subscription, terms, partition, page)
            evidence = worker.evidence.setdefault(subscription.name, ReadEvidence("s"))
            revision = subscription.revision
            evidence.add(Delivered("s", revision, self.in_force, len(page), 1, [take]))
            if self.random.random() < 0.9:
                subscription.position[partition] = end
        if first_time:
            # Whom a worker has never told of is not suspected when it is killed.
            worker.flush()

    def _worker(self) -> Worker:
        return self.random.choice(self.workers)

    def _show(
        self, subscription: Subscription, terms: Terms, partition: int, page: list[Record]
    ) -> None:
        """The model's own view of what leaves: rows of the filter, items that are not hidden."""
        for record in page:
            if record.y is None or (terms.conditions and record.y < 2):
                continue
            clear = frozenset(
                item
                for item in terms.items
                if terms.masks.get(item, {}).get("kind") not in ("full", "null")
            )
            subscription.shown.append((partition, record, clear))

    def flush(self) -> None:
        self._worker().flush()

    def rewind(self) -> None:
        subscription = self.random.choice(self.subscriptions)
        to_end = self.random.random() < 0.5
        for partition, log in enumerate(self.log):
            end = log[-1].offset + 1 if log else 0
            subscription.position[partition] = end if to_end else 0

    def amend(self) -> None:
        subscription = self.random.choice(self.subscriptions)
        subscription.terms[subscription.revision + 1] = self._terms()

    def revise(self) -> None:
        self.in_force = 2

    def kill(self) -> None:
        """A worker dies: what it had not flushed is lost, and counts as handed on."""
        number = self.random.randrange(len(self.workers))
        worker = self.workers[number]
        self._store(worker)
        ends = [log[-1].offset if log else -1 for log in self.log]
        self.killed += [(LastSeen(name, DIED), ends) for name in worker.flushed]
        self.workers[number] = Worker()

    def _store(self, worker: Worker) -> None:
        for name, trails in worker.flushed.items():
            self.stored += handed(name, {"w": trails})

    def known(self) -> list[Handed]:
        for worker in self.workers:
            self._store(worker)
        return [*joined(self.stored), *self._lost()]

    def _lost(self) -> Iterator[Handed]:
        for seen, ends in self.killed:
            [author] = [s for s in self.subscriptions if s.name == seen.subscription_id]
            for partition, end in enumerate(ends):
                for each in lost(seen, author.terms, VERSIONS, partition):
                    yield each._replace(last=end)

    @property
    def suspects(self) -> set[str]:
        return {seen.subscription_id for seen, _ends in self.killed}

    def terms_of(self, under: Under) -> Terms:
        [terms] = (
            each.terms[under.revision]
            for each in self.subscriptions
            if each.name == under.subscription_id
        )
        return replace(terms, in_force=under.version)

    def disputes(self) -> Iterator[tuple[str, Subscription]]:
        for subscription in self.subscriptions:
            for key in "abc":
                yield key, subscription


def value_of(record: Record, item: str) -> object:
    return {"id": record.key, "x": record.x, "y": record.y}[item]


def expected(history: History, disputed: Record, items: list[str], granted: Terms) -> set[str]:
    """Whom the model knows to have been shown the disputed value of the key."""
    named = items or [item for item in granted.items if item != "id"]

    def carries(record: Record) -> set[str]:
        same = {item for item in named if value_of(record, item) == value_of(disputed, item)}
        return same if items or len(same) == len(named) else set()

    return {
        subscription.name
        for subscription in history.subscriptions
        for _partition, record, clear in subscription.shown
        if record.key == disputed.key and not carries(record).isdisjoint(clear)
    }


def decided(
    history: History,
    known: list[Handed],
    key: str,
    author: Subscription,
    items: list[str],
) -> tuple[Record, Terms, frozenset[str]] | None:
    """What the platform would decide: None where the author never received the key."""
    records = {
        (partition, record.offset): record
        for partition, log in enumerate(history.log)
        for record in log
        if record.key == key
    }
    sightings = [r.sighting(p) for (p, _offset), r in records.items() if r.y is not None]
    own = [each for each in known if each.under.subscription_id == author.name]
    terms_of_: TermsOf = history.terms_of
    received = last_received(sightings, own, terms_of_)
    if received is None:
        return None
    covering = [each.under for each in own if each.covers(received.partition, received.offset)]
    terms = history.terms_of(max(covering, key=lambda each: (each.revision, each.version)))
    named = [item for item in items if item in terms.items]
    disputed = Disputed(terms, values(terms, received, named, digest), whole=not named)
    found = affected(sightings, known, terms_of_, disputed, digest)
    return records[received.partition, received.offset], terms, found


@pytest.mark.parametrize("block", range(max(1, HISTORIES // 50)))
def test_exactly_those_who_received_the_value_are_found(block: int) -> None:
    compared = 0
    for seed in range(block * 50, block * 50 + 50):
        history = History(seed)
        history.play()
        known = history.known()
        for key, author in history.disputes():
            for items in ([], ["x"], ["y"], ["x", "y"]):
                decision = decided(history, known, key, author, items)
                really = any(record.key == key for _p, record, _c in author.shown)
                if decision is None:
                    assert not really, f"seed {seed}: {author.name} received {key}"
                    continue
                assert really or author.name in history.suspects, f"seed {seed}"
                disputed, terms, found = decision
                named = [item for item in items if item in terms.items]
                model = expected(history, disputed, named, terms)
                assert model <= found, f"seed {seed}: {key} {named} misses {model - found}"
                assert found - model <= history.suspects, f"seed {seed}: {key} {named}"
                compared += 1
    assert compared > 500
