"""Stories of latency: long polls that wait for news, and a storm beside a system's single records.

What comes by the clock is timed from the moment it was due, late or not.
"""

import re
import time
from base64 import b64encode
from typing import Any, ClassVar

import gevent
from locust import task

from loadtests import records
from loadtests.generator import OK
from loadtests.scenarios.base import ExchangeUser, comes_again
from loadtests.stage import MASKED, PAGE
from loadtests.statistics import percentile
from loadtests.targets import BYSTANDER_P99

WAIT_SECONDS = 2
STAMP = re.compile(rb'"remark":"(\d+) (\d+)"')
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PATIENCE_SECONDS = 2.0


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
    fixed_count = 1
    every_seconds = 0.1

    @task
    def tick(self) -> None:
        bulletin, due = self.setting.world.bulletin, self.wait_until_due()
        turn = self.next_turn()
        body = records.line(turn, remark=f"{turn} {int(due * 1e9)}")
        self.setting.tally.stored(self.store(bulletin, body, 1, "long-poll: publish")[0])


class LongPoll(ExchangeUser):
    """Waits at the end of the bulletin; every record must come, once and in order."""

    case = "long-poll"

    def on_start(self) -> None:
        super().on_start()
        subscriptions = self.setting.world.waiting
        self.subscription = subscriptions[self.number % len(subscriptions)]
        self.cursor = self.setting.consumer.rewind(self.subscription, "latest")
        self.last_seen: int | None = None

    @task
    def wait_for_news(self) -> None:
        asked = f"cursor={self.cursor}&limit={PAGE}&wait={WAIT_SECONDS}"
        answer, _ = self.call(
            "GET", f"/v1/subscriptions/{self.subscription}/records?{asked}", "long-poll"
        )
        arrived = time.monotonic_ns()
        if answer.status_code != OK:
            self.refused(answer, "long-poll")
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

    Each has a new connection and a new token. A refusal that says when to come back (429 or 503
    with Retry-After) is orderly here: it is obeyed and counted apart. Anything else than that or an
    answer fails the run; another system goes on publishing meanwhile, and is never refused.
    """

    case = "storm"
    orderly = frozenset({429, 503})

    @task
    def come_back(self) -> None:
        self.client.client.clientpool.close()
        token = self._token()
        if token:
            self._read(token)

    def _token(self) -> str:
        who = self.setting.world.consumer
        basic = b64encode(f"{who.name}:{who.secret}".encode()).decode()
        headers = {**FORM, "Authorization": f"Basic {basic}"}
        body = b"grant_type=client_credentials"
        answer, seconds = self.call("POST", "/oauth/token", "storm: token", headers, body)
        if self._turned_away(answer):
            return ""
        if answer.status_code != OK:
            self.refused(answer, "storm: token")
        self.setting.tally.answered(0, seconds)
        return str(answer.json()["access_token"])

    def _read(self, token: str) -> None:
        book = self.setting.books[MASKED]
        place = self.next_turn() % len(book.pages)
        headers = {"Authorization": f"Bearer {token}"}
        answer, seconds = self.call("GET", book.pages[place].target, "storm: pull", headers)
        if self._turned_away(answer):
            return
        if answer.status_code != OK:
            self.refused(answer, "storm: pull")
        self.compare(answer, book, place, "storm: pull", seconds)

    def _turned_away(self, answer: Any) -> bool:  # noqa: ANN401 - Locust's own type
        """Whether the exchange asked this system, in an orderly way, to come back later."""
        pause = comes_again(answer, self.orderly)
        if pause is None:
            return False
        self.setting.tally.refused(answer.status_code)
        gevent.sleep(min(pause, PATIENCE_SECONDS))
        return True


class Bystander(Punctual):
    """Another system's single records, twenty a second from each of its processes."""

    case = "storm"
    fixed_count = 4
    every_seconds = 0.05
    seconds: ClassVar[list[float]] = []

    @task
    def publish_one(self) -> None:
        setting, due = self.setting, self.wait_until_due()
        body = setting.singles[self.next_turn() % len(setting.singles)]
        feed = setting.world.feeds[self.number % len(setting.world.feeds)]
        setting.tally.stored(self.store(feed, body, 1, "storm: bystander")[0])
        self.seconds.append(time.monotonic() - due)
        setting.tally.facts[BYSTANDER_P99] = percentile(self.seconds, 0.99) * 1000
