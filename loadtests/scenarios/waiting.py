"""Long polls: many readers wait for news, one system publishes it; the latency is end to end."""

import re
import time

from locust import constant, task

from loadtests import records
from loadtests.scenarios.base import CREATED, OK, ExchangeUser
from loadtests.stage import PAGE
from loadtests.tally import read_receipt

WAIT_SECONDS = 2
TICK_SECONDS = 0.1
STAMP = re.compile(rb'"remark":"(\d+) (\d+)"')


class Ticker(ExchangeUser):
    """Publishes one stamped record every 100 ms."""

    case = "long-poll"
    fixed_count = 1
    wait_time = constant(TICK_SECONDS)

    @task
    def tick(self) -> None:
        self.turn += 1
        tally, bulletin = self.setting.tally, self.setting.world.bulletin
        body = records.line(self.turn, remark=f"{self.turn} {time.monotonic_ns()}")
        token = {"Authorization": f"Bearer {self.setting.publisher.token()}"}
        headers = {"Content-Type": "application/x-ndjson", **token}
        path = f"/v1/resources/{bulletin}/records"
        answer, _ = self.call("POST", path, "long-poll: publish", headers, body)
        if answer.status_code != CREATED:
            self.refused(answer, "long-poll: publish")
        tally.acknowledge(bulletin, read_receipt(answer.content).positions)
        tally.stored(1)


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
        path = f"/v1/subscriptions/{self.subscription}/records?{asked}"
        answer, _ = self.call("GET", path, "long-poll", self.read_headers())
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
        tally.checked += 1
        tally.answered(1, seconds)
