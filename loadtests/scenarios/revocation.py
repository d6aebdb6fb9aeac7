"""Revocation under load: the provider suspends what is being read, and resumes it (P3).

After the answer to `suspend` no record may leave for longer than a second, on any worker, and an
open long poll must have ended by then. Every suspension is timed: from its answer to the last byte
of a page, or of the end of a long poll, on any connection.
"""

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import gevent
from locust import task

from loadtests import targets as facts
from loadtests.generator import OK
from loadtests.scenarios.base import UNAVAILABLE, Answer, ExchangeUser
from loadtests.stage import MASKED, PAGE
from loadtests.statistics import percentile
from loadtests.world import REVOCABLE_SUBSCRIPTIONS

SUSPENDED, STOP_SECONDS = b"subscription_suspended", 1.0
OPEN_SECONDS, OPEN_MORE_SECONDS = 0.4, 0.6
# Long enough to see what comes too late.
CLOSED_SECONDS = 1.3
PAUSE_SECONDS, BEAT_SECONDS = 0.02, 0.01
WAIT_SECONDS = 3
REMEDY_BY = "2098-12-31"
FORBIDDEN = 403


class Metronome:
    """How late this process itself runs: for so long an answer may have lain here unread.

    A machine short of processors once let it find a poll's end after 1.02 s: whose 20 ms they were
    could not be told.
    """

    def __init__(self) -> None:
        self._due, self._last = time.monotonic(), 0.0

    def beat(self) -> None:
        while True:
            self._due = time.monotonic() + BEAT_SECONDS
            gevent.sleep(BEAT_SECONDS)
            self._last = time.monotonic() - self._due

    def lag_seconds(self) -> float:
        """Return how late it is now, or was at the last beat."""
        return max(self._last, time.monotonic() - self._due, 0.0)


@dataclass(slots=True)
class Suspension:
    """When it was answered, and how long after that the last byte came."""

    answered_at: float
    late_seconds: float = 0.0


class Revocable(ExchangeUser):
    """`closed` are the suspensions in force, by subscription; `lates` what the ended ones showed.

    The users of a class share the revocable subscriptions out in turn. A worker that could not
    confirm its rules in time rightly gives nothing out (503), and is asked again at once.
    """

    abstract = True
    case = "revocation"
    orderly = frozenset({FORBIDDEN, UNAVAILABLE})
    patience_seconds = PAUSE_SECONDS
    closed: ClassVar[dict[str, Suspension]] = {}
    lates: ClassVar[list[float]] = []
    metronome: ClassVar[Metronome] = Metronome()
    places: ClassVar[Iterator[int]]

    def on_start(self) -> None:
        super().on_start()
        subscriptions = self.setting.world.revocable
        self.subscription = subscriptions[next(self.places) % len(subscriptions)]


class Revoker(Revocable):
    """Closes and opens one subscription in turns, out of step with the others."""

    fixed_count = REVOCABLE_SUBSCRIPTIONS
    places = itertools.count()

    def on_start(self) -> None:
        super().on_start()
        self.head = self.setting.world.person(self.setting.world.provider.head)
        self.head.token()
        self.setting.begun.add(self.number)
        if self.subscription == self.setting.world.revocable[0]:
            gevent.spawn(self.metronome.beat)

    def on_stop(self) -> None:
        if self.closed.pop(self.subscription, None):
            self._ask("resume")

    @task
    def close_and_open(self) -> None:
        gevent.sleep(OPEN_SECONDS + random.random() * OPEN_MORE_SECONDS)  # noqa: S311 - spread out
        self._ask("suspend", {"reason": "压测：疑似超范围使用", "remedy_by": REMEDY_BY})
        self.closed[self.subscription] = Suspension(time.monotonic())
        self.setting.tally.facts.setdefault(facts.LATEST_RECORD, 0.0)  # none so far
        gevent.sleep(CLOSED_SECONDS)
        self._ended(self.closed.pop(self.subscription))
        self._ask("resume")

    def _ask(self, action: str, body: object = None) -> None:
        self.head.ask("POST", f"/v1/subscriptions/{self.subscription}/{action}", body)

    def _ended(self, suspension: Suspension) -> None:
        self.lates.append(suspension.late_seconds * 1000)
        told = self.setting.tally.facts
        told[facts.SUSPENSIONS] = len(self.lates)
        told[facts.LAST_BYTE_P50] = percentile(self.lates, 0.50)
        told[facts.LAST_BYTE_P99] = percentile(self.lates, 0.99)


class Reading(Revocable):
    """Follows a subscription whatever becomes of its grant."""

    abstract = True
    begins_at: ClassVar[str]

    def on_start(self) -> None:
        super().on_start()
        self.first = self.cursor = self.setting.consumer.rewind(self.subscription, self.begins_at)

    def ask_on(self, name: str, more: str = "") -> tuple[Answer, float]:
        """Ask for the next page; the answer is it, or says that the subscription is suspended."""
        query = f"cursor={self.cursor}&limit={PAGE}{more}"
        path = f"/v1/subscriptions/{self.subscription}/records?{query}"
        answer, seconds = self.call("GET", path, name, wanted={OK, FORBIDDEN})
        if answer.status_code == FORBIDDEN and SUSPENDED not in (answer.content or b""):
            self.refused(answer, name)
        return answer, seconds

    def note_late(self, fact: str) -> None:
        """Note how long after the suspension this happened; more than a second is a failure.

        Unless this process itself was so late that it may have come before.
        """
        suspension, tally = self.closed.get(self.subscription), self.setting.tally
        if suspension is None:
            return
        late = time.monotonic() - suspension.answered_at
        suspension.late_seconds = max(suspension.late_seconds, late)
        tally.facts[fact] = max(tally.facts.get(fact, 0.0), late * 1000)
        lag = self.metronome.lag_seconds()
        tally.facts[facts.OWN_LAG] = max(tally.facts.get(facts.OWN_LAG, 0.0), lag * 1000)
        if late - lag > STOP_SECONDS:
            tally.failed(f"{fact}: {late:.2f} s")


class Revoked(Reading):
    """Reads page after page from the earliest record on."""

    begins_at = "earliest"
    places = itertools.count()
    place = 0

    @task
    def read_on(self) -> None:
        answer, seconds = self.ask_on("revocation: pull")
        if answer.status_code == FORBIDDEN:
            gevent.sleep(PAUSE_SECONDS)
            return
        self.note_late(facts.LATEST_RECORD)
        # The masks are those of the book, and so is every page.
        self.compare(answer, self.setting.books[MASKED], self.place, "revocation: pull", seconds)
        self.place = (self.place + 1) % len(self.setting.books[MASKED].pages)
        self.cursor = answer.headers["Exchange-Next-Cursor"] if self.place else self.first


class RevokedWaiting(Reading):
    """Waits at the end of the archive, where nothing comes but the suspension."""

    fixed_count = 2 * REVOCABLE_SUBSCRIPTIONS
    begins_at = "latest"
    places = itertools.count()

    @task
    def wait_on(self) -> None:
        answer, _ = self.ask_on("revocation: long poll", f"&wait={WAIT_SECONDS}")
        if answer.status_code == FORBIDDEN:
            self.note_late(facts.POLL_ENDED)
            while self.subscription in self.closed:
                gevent.sleep(PAUSE_SECONDS)
            gevent.sleep(PAUSE_SECONDS)
