"""Users of a bridge that speaks the Kafka REST v2 API: the same records, no grants, no receipts."""

import secrets
from functools import cache

import gevent
from locust import task
from locust.exception import StopUser

from loadtests import kafka_rest
from loadtests.kafka_rest import ARCHIVE, COMMANDS, FEEDS, JSON_VALUES, PARTITION, POLLS, Following
from loadtests.scenarios.base import BATCHES, SINGLES, ExchangeUser
from loadtests.stage import BATCH

GROUP = f"loadtests-{secrets.token_hex(4)}"
BEGINNING_SECONDS = 30.0


@cache
def _bodies(records_each: int) -> list[bytes]:
    return kafka_rest.bodies(records_each, BATCHES if records_each > 1 else SINGLES)


class BridgePublishing(ExchangeUser):
    """Publishes into the feeds in turn; what the answer names is read back from the log."""

    abstract = True
    records_each: int

    @task
    def publish_to_bridge(self) -> None:
        self.turn += 1
        tally, bodies = self.setting.tally, _bodies(self.records_each)
        feed, body = FEEDS[self.number % len(FEEDS)], bodies[self.turn % len(bodies)]
        answer, seconds = self.call("POST", f"/topics/{feed}", self.case, JSON_VALUES, body)
        if not answer.ok:
            self.refused(answer, self.case)
        try:
            runs = kafka_rest.acknowledged(answer.content, self.records_each)
        except ValueError as error:
            tally.failed(f"{self.case}: {error}")
            return
        tally.acknowledged.setdefault(feed, []).extend(runs)
        tally.answered(self.records_each, seconds)


class BridgePublishBatch(BridgePublishing):
    case = "publish-500"
    records_each = BATCH


class BridgePublishSingle(BridgePublishing):
    case = "publish-1"
    records_each = 1


class BridgePull(ExchangeUser):
    """A consumer instance in a group of its own, which reads the archive over and over."""

    case = "pull-500-tail"

    def on_start(self) -> None:
        super().on_start()
        self.following = Following()
        group, instance = f"{GROUP}-{self.number}", f"reader-{self.number}"
        self.path = f"/consumers/{group}/instances/{instance}"
        made = {"name": instance, "format": "json", "auto.offset.reset": "earliest"}
        self._command("POST", f"/consumers/{group}", made)
        self._command("POST", f"{self.path}/subscription", {"topics": [ARCHIVE]})
        with gevent.Timeout(BEGINNING_SECONDS, exception=False):
            # Joining a group takes its time, and polls are how it is waited for.
            while not self._count(self._first_page()):
                pass

    def on_stop(self) -> None:
        self._command("DELETE", self.path)

    def _command(self, method: str, path: str, body: object = None) -> None:
        """Ask for something that is not measured; a refusal fails the run."""
        answer = self.client.request(
            method, path, name="bridge: consumer instance", json=body, headers=dict(COMMANDS)
        )
        if not answer.ok:
            self.setting.tally.failed(f"{method} {path}: {answer.status_code} {answer.text!r}")

    def _first_page(self) -> bytes:
        answer = self.client.get(self._poll(), name="bridge: joining", headers=dict(POLLS))
        return answer.content if answer.ok and answer.content else b"[]"

    def _poll(self) -> str:
        asked = f"timeout={kafka_rest.POLL_MILLISECONDS}&max_bytes={kafka_rest.PAGE_BYTES}"
        return f"{self.path}/records?{asked}"

    @task
    def poll_bridge(self) -> None:
        tally = self.setting.tally
        answer, seconds = self.call("GET", self._poll(), self.case, POLLS)
        if not answer.ok:
            self.refused(answer, self.case)
        count = self._count(answer.content or b"[]")
        if not count:
            self._begin_again()
            return
        tally.checked += count
        tally.answered(count, seconds)

    def _count(self, content: bytes) -> int:
        """Return how many records came; a wrong one is a failure, and ends the user."""
        try:
            return self.following.got(content)
        except ValueError as error:
            self.setting.tally.failed(f"{self.case}: {error}")
            raise StopUser from error

    def _begin_again(self) -> None:
        place = {"partitions": [{"topic": ARCHIVE, "partition": PARTITION}]}
        self._command("POST", f"{self.path}/positions/beginning", place)
        self.following.begin_again()
