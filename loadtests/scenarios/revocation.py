"""Revocation under load: the provider suspends what is being read, and resumes it (P3).

After the answer to `suspend` no record may leave for longer than a second, on any worker, and an
open long poll must have ended by then.
"""

import time
from typing import ClassVar

import gevent
from locust import task

from loadtests.scenarios.base import OK, ExchangeUser
from loadtests.stage import MASKED, PAGE

SUSPENDED, STOP_SECONDS = b"subscription_suspended", 1.0
OPEN_SECONDS, CLOSED_SECONDS = 1.5, 1.5
PAUSE_SECONDS = 0.02
WAIT_SECONDS = 3
REMEDY_BY = "2098-12-31"
FORBIDDEN = 403
LATEST = "latest_record_after_suspension_ms"
POLL = "long_poll_ended_after_ms"


class Revocable(ExchangeUser):
    """`closed` tells since when a subscription is suspended, once that was answered."""

    abstract = True
    case = "revocation"
    orderly = frozenset({FORBIDDEN})
    closed: ClassVar[dict[str, float]] = {}


class Revoker(Revocable):
    """Closes and opens all revocable subscriptions in turns."""

    fixed_count = 1

    def on_start(self) -> None:
        super().on_start()
        self.head = self.setting.world.person(self.setting.world.head)
        self.head.token()
        self.setting.begun.add(self.number)

    def on_stop(self) -> None:
        self._open()

    @task
    def close_and_open(self) -> None:
        gevent.sleep(OPEN_SECONDS)
        for subscription in self.setting.world.revocable:
            body = {"reason": "压测：疑似超范围使用", "remedy_by": REMEDY_BY}
            self.head.ask("POST", f"/v1/subscriptions/{subscription}/suspend", body)
            self.closed[subscription] = time.monotonic()
            self.setting.tally.facts.setdefault(LATEST, 0.0)  # none so far
        gevent.sleep(CLOSED_SECONDS)
        self._open()

    def _open(self) -> None:
        for subscription in list(self.closed):
            del self.closed[subscription]
            self.head.ask("POST", f"/v1/subscriptions/{subscription}/resume")


class Reading(Revocable):
    """Follows a subscription whatever becomes of its grant."""

    abstract = True
    begins_at: ClassVar[str]

    def on_start(self) -> None:
        super().on_start()
        subscriptions = self.setting.world.revocable
        self.subscription = subscriptions[self.number % len(subscriptions)]
        self.first = self.cursor = self.setting.consumer.rewind(self.subscription, self.begins_at)

    def is_closed(self, answer: object) -> bool:
        content = getattr(answer, "content", b"") or b""
        return getattr(answer, "status_code", 0) == FORBIDDEN and SUSPENDED in content

    def note_late(self, fact: str) -> None:
        """Note how long after the suspension this happened; more than a second is a failure."""
        closed_at, tally = self.closed.get(self.subscription), self.setting.tally
        if closed_at is None:
            return
        late = time.monotonic() - closed_at
        tally.facts[fact] = max(tally.facts.get(fact, 0.0), late * 1000)
        if late > STOP_SECONDS:
            tally.failed(f"{fact}: {late:.2f} s")


class Revoked(Reading):
    """Reads page after page from the earliest record on."""

    begins_at = "earliest"
    place = 0

    @task
    def read_on(self) -> None:
        path = f"/v1/subscriptions/{self.subscription}/records?cursor={self.cursor}&limit={PAGE}"
        answer, seconds = self.call("GET", path, "revocation: pull", self.read_headers())
        if self.is_closed(answer):
            gevent.sleep(PAUSE_SECONDS)
            return
        if answer.status_code != OK:
            self.refused(answer, "revocation: pull")
        self.note_late(LATEST)
        # The masks are those of the book, and so is every page.
        self.compare(answer, self.setting.books[MASKED], self.place, "revocation: pull", seconds)
        self.place = (self.place + 1) % len(self.setting.books[MASKED].pages)
        self.cursor = answer.headers["Exchange-Next-Cursor"] if self.place else self.first


class RevokedWaiting(Reading):
    """Waits at the end of the archive, where nothing comes but the suspension."""

    fixed_count = 4
    begins_at = "latest"

    @task
    def wait_on(self) -> None:
        asked = f"cursor={self.cursor}&limit={PAGE}&wait={WAIT_SECONDS}"
        path = f"/v1/subscriptions/{self.subscription}/records?{asked}"
        answer, _ = self.call("GET", path, "revocation: long poll", self.read_headers())
        if self.is_closed(answer):
            self.note_late(POLL)
            while self.subscription in self.closed:
                gevent.sleep(PAUSE_SECONDS)
            gevent.sleep(PAUSE_SECONDS)
        elif answer.status_code != OK:
            self.refused(answer, "revocation: long poll")
