"""Users of a bridge that speaks the Kafka REST v2 API: the same records, no grants, no receipts.

The benchmark runs them by `--bridge`, in a Locust of their own; the page never does.
"""

import secrets
from functools import cache

import gevent
from locust import task
from locust.exception import StopUser

from loadtests import bridges
from loadtests.bridges import ARCHIVE, COMMANDS, FEEDS, JSON_VALUES, PAGE_BYTES_MAX, POLLS
from loadtests.locustfile import prepare
from loadtests.scenarios.base import BATCHES, SINGLES, Answer, ExchangeUser
from loadtests.stage import BATCH

__all__ = ["BridgePublishBatch", "BridgePublishSingle", "BridgePull", "prepare"]

GROUP = f"loadtests-{secrets.token_hex(4)}"
BEGINNING_SECONDS = 30.0
TOO_LONG = 422
# An answer that is not what was agreed, or not in its form.
WRONG = (ValueError, LookupError, TypeError)
GOOD, ANY = range(200, 300), range(600)


@cache
def _bodies(records_each: int) -> list[bytes]:
    return bridges.bodies(records_each, BATCHES if records_each > 1 else SINGLES)


class BridgePublishBatch(ExchangeUser):
    """Publishes into the feeds in turn; what the answer names is read back from the log."""

    case = "publish-500"
    records_each = BATCH

    @task
    def publish_to_bridge(self) -> None:
        tally, bodies = self.setting.tally, _bodies(self.records_each)
        feed, body = FEEDS[self.number % len(FEEDS)], bodies[self.next_turn() % len(bodies)]
        answer, seconds = self.call(
            "POST", f"/topics/{feed}", self.case, JSON_VALUES, body, wanted=GOOD
        )
        try:
            runs = bridges.acknowledged(answer.content, self.records_each)
        except WRONG as error:
            tally.failed(f"{self.case}: {error!r}")
            return
        tally.whole.acknowledged.setdefault(feed, []).extend(runs)
        tally.answered(self.records_each, seconds)


class BridgePublishSingle(BridgePublishBatch):
    case = "publish-1"
    records_each = 1


class BridgePull(ExchangeUser):
    """A consumer instance in a group of its own, which reads the archive over and over."""

    case = "pull-500"
    orderly = frozenset({TOO_LONG})
    page_bytes = bridges.PAGE_BYTES

    def on_start(self) -> None:
        super().on_start()
        self.following = bridges.Following()
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
        answer, _ = self.call("GET", self._poll(), "bridge: joining", POLLS, wanted=ANY)
        return answer.content if not self._is_too_long(answer) and answer.ok else b"[]"

    def _is_too_long(self, answer: Answer) -> bool:
        """Whether the bridge refused to answer so much; then ask for twice as many bytes."""
        if answer.status_code != TOO_LONG or self.page_bytes >= PAGE_BYTES_MAX:
            return False
        self.page_bytes *= 2
        self._begin_again()
        return True

    def _poll(self) -> str:
        asked = f"timeout={bridges.POLL_MILLISECONDS}&max_bytes={self.page_bytes}"
        return f"{self.path}/records?{asked}"

    @task
    def poll_bridge(self) -> None:
        tally = self.setting.tally
        answer, seconds = self.call("GET", self._poll(), self.case, POLLS, wanted=(*GOOD, TOO_LONG))
        if self._is_too_long(answer):
            return
        if not answer.ok:
            self.refused(answer, self.case)
        count = self._count(answer.content)
        if not count:
            self._begin_again()
            return
        tally.checked(count)
        tally.answered(count, seconds)

    def _count(self, content: bytes) -> int:
        """Return how many records came; a wrong one is a failure, and ends the user."""
        try:
            return self.following.got(content or b"[]")
        except WRONG as error:
            self.setting.tally.failed(f"{self.case}: {error!r}")
            raise StopUser from error

    def _begin_again(self) -> None:
        place = {"partitions": [{"topic": ARCHIVE, "partition": bridges.PARTITION}]}
        self._command("POST", f"{self.path}/positions/beginning", place)
        self.following.begin_again()
