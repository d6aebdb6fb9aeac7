"""Stories of latency: long polls that wait for news, and a storm beside a system's single records.

What comes by the clock is timed from the moment it was due, late or not. A worker that cannot
confirm its rules within a second, as where the machine is short of processors, says 503 to
everybody: as any client the users of a story then come again, and it is counted.
"""

import re
import time
from base64 import b64encode
from typing import ClassVar

import gevent
from locust import task

from loadtests import records
from loadtests.scenarios.base import UNAVAILABLE, ExchangeUser
from loadtests.stage import MASKED, PAGE
from loadtests.statistics import percentile
from loadtests.targets import BYSTANDER_P99, BYSTANDER_REFUSED

WAIT_SECONDS = 2
STAMP = re.compile(rb'"remark":"(\d+) (\d+)"')
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOO_MANY = 429


class Punctual(ExchangeUser):
    """Does something every so many seconds; a moment that has passed is made up for at once."""

    abstract = True
    every_seconds: ClassVar[float]

    def on_start(self) -> None:
        super().on_start()
        self.due = time.monotonic()

    def wait_until_due(self) -> float:
        """Return the moment that is due next, on the monotonic clock, once it is there."""
        self.due += self.every_seconds
        gevent.sleep(max(0.0, self.due - time.monotonic()))
        return self.due


class Ticker(Punctual):
    """Publishes a record every 100 ms, stamped with the moment at which it was due."""

    case = "long-poll"
    orderly = frozenset({UNAVAILABLE})
    fixed_count = 1
    every_seconds = 0.1

    @task
    def tick(self) -> None:
        bulletin, due = self.setting.world.bulletin, self.wait_until_due()
        turn = self.next_turn()
        body = records.line(turn, remark=f"{turn} {int(due * 1e9)}")
        self.store_at_last(bulletin, body, "long-poll: publish")


class LongPoll(ExchangeUser):
    """Waits at the end of the bulletin; every record must come, once and in order."""

    case = "long-poll"
    orderly = frozenset({UNAVAILABLE})

    def on_start(self) -> None:
        super().on_start()
        subscriptions = self.setting.world.waiting
        self.subscription = subscriptions[self.number % len(subscriptions)]
        self.cursor = self.setting.consumer.rewind(self.subscription, "latest")
        self.last_seen: int | None = None

    @task
    def wait_for_news(self) -> None:
        asked = f"cursor={self.cursor}&limit={PAGE}&wait={WAIT_SECONDS}"
        path = f"/v1/subscriptions/{self.subscription}/records?{asked}"
        answer, _ = self.call("GET", path, "long-poll")
        arrived = time.monotonic_ns()
        self.cursor = answer.headers["Exchange-Next-Cursor"]
        for number, sent in STAMP.findall(answer.content or b""):
            self._received(int(number), (arrived - int(sent)) / 1e9)

    def _received(self, number: int, seconds: float) -> None:
        tally = self.setting.tally
        if self.last_seen is not None and number != self.last_seen + 1:
            tally.failed(f"long-poll: record {number} came after {self.last_seen}")
        self.last_seen = number
        tally.checked(1)
        tally.answered(1, seconds)


class Storm(ExchangeUser):
    """A system under the usual limits comes back with all its processes at once.

    Each has a new connection and a new token. A refusal that says when to come back is orderly
    here: obeyed, and counted apart.
    """

    case = "storm"
    orderly = frozenset({TOO_MANY, UNAVAILABLE})

    @task
    def come_back(self) -> None:
        self.client.client.clientpool.close()
        token, book = self._token(), self.setting.books[MASKED]
        self.ask_for(book, self.next_turn() % len(book.pages), "storm: pull", token)

    def _token(self) -> str:
        who = self.setting.world.consumer
        basic = b64encode(f"{who.name}:{who.secret}".encode()).decode()
        headers = {**FORM, "Authorization": f"Basic {basic}"}
        body = b"grant_type=client_credentials"
        answer, seconds = self.call("POST", "/oauth/token", "storm: token", headers, body)
        self.setting.tally.answered(0, seconds)
        return str(answer.json()["access_token"])


class Bystander(Punctual):
    """Another system's single records, twenty a second from each of its processes.

    A 429 fails the run: the storm is not its own. After a 503 it comes again with the same record,
    which is timed from when it was first due.
    """

    case = "storm"
    fixed_count = 4
    every_seconds = 0.05
    orderly = frozenset({UNAVAILABLE})
    seconds: ClassVar[list[float]] = []
    tries: ClassVar[list[int]] = []

    @task
    def publish_one(self) -> None:
        singles, due = self.setting.singles, self.wait_until_due()
        body = singles[self.next_turn() % len(singles)]
        self.tries.append(self.store_at_last(self.feed(), body, "storm: bystander"))
        self.seconds.append(time.monotonic() - due)
        told = self.setting.tally.facts
        told[BYSTANDER_P99] = percentile(self.seconds, 0.99) * 1000
        told[BYSTANDER_REFUSED] = 1 - len(self.tries) / sum(self.tries)
