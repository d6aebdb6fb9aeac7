"""A storm: a system under the usual limits comes back with all its processes at once.

Each has a new connection and a new token. A refusal that says when to come back (429 or 503 with
Retry-After) is orderly here: it is obeyed and counted apart. Anything else than that or an answer
fails the run; another system goes on publishing meanwhile, and is never refused.
"""

from base64 import b64encode
from typing import ClassVar

import gevent
from locust import constant, task

from loadtests.facts import BYSTANDER_P99
from loadtests.scenarios.base import OK, ExchangeUser
from loadtests.stage import MASKED, PAGE
from loadtests.tally import percentile

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PATIENCE_SECONDS = 2.0


class Storm(ExchangeUser):
    case = "storm"
    orderly = frozenset({429, 503})

    @task
    def come_back(self) -> None:
        self.turn += 1
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
        book, tally = self.setting.books[MASKED], self.setting.tally
        place = self.turn % len(book.pages)
        asked = f"cursor={book.pages[place].cursor}&limit={PAGE}"
        path = f"/v1/subscriptions/{self.setting.world.masked}/records?{asked}"
        headers = {"Authorization": f"Bearer {token}"}
        answer, seconds = self.call("GET", path, "storm: pull", headers)
        if self._turned_away(answer):
            return
        if answer.status_code != OK or answer.content != book.body(place):
            self.refused(answer, "storm: pull")
        tally.checked += book.pages[place].count
        tally.answered(book.pages[place].count, seconds)

    def _turned_away(self, answer: object) -> bool:
        """Whether the exchange asked this system, in an orderly way, to come back later."""
        status, headers = getattr(answer, "status_code", 0), getattr(answer, "headers", None) or {}
        if status not in self.orderly or "Retry-After" not in headers:
            return False
        tally, fact = self.setting.tally, f"answered_{status}"
        tally.refused += 1
        tally.facts[fact] = tally.facts.get(fact, 0.0) + 1
        gevent.sleep(min(float(headers["Retry-After"]), PATIENCE_SECONDS))
        return True


class Bystander(ExchangeUser):
    """Another system's single records, some twenty a second from each of its processes."""

    case = "storm"
    fixed_count = 4
    wait_time = constant(0.05)
    seconds: ClassVar[list[float]] = []

    @task
    def publish_one(self) -> None:
        self.turn += 1
        setting = self.setting
        body = setting.singles[self.turn % len(setting.singles)]
        feed = setting.world.feeds[self.number % len(setting.world.feeds)]
        count, seconds = self.store(feed, body, 1, "storm: bystander", self.publish_headers())
        setting.tally.stored(count)
        self.seconds.append(seconds)
        setting.tally.facts[BYSTANDER_P99] = percentile(sorted(self.seconds), 0.99) * 1000
