"""What all users of a load test share: tokens, ready bodies, books of pages, one tally."""

import itertools
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import gevent
from gevent.event import Event
from locust import FastHttpUser, constant
from locust.exception import RescheduleTask

from loadtests import records, world
from loadtests.generator import CREATED, OK
from loadtests.pages import JSON, NDJSON, Book
from loadtests.stage import BATCH, BOOKS
from loadtests.tally import Tally, read_receipt
from loadtests.world import World
from shuyuan_client.http import ExchangeClient

BATCHES, SINGLES = 40, 2000
UNAVAILABLE = 503
Answer = Any  # Locust's own has no types


class TurnedAway(RescheduleTask):
    """An orderly refusal said when to come again, and that time has passed."""


@dataclass(frozen=True)
class Setting:
    """One Locust process: its world, who calls, what they send and what they must get.

    `begun` are the users that have had an answer: a window opens when all of them have, so that
    it never lies within the first wave of a herd.
    """

    world: World
    publisher: ExchangeClient
    consumer: ExchangeClient
    books: Mapping[str, Book]
    batches: Sequence[bytes] = field(default_factory=lambda: records.bodies(BATCH, BATCHES))
    singles: Sequence[bytes] = field(default_factory=lambda: records.bodies(1, SINGLES))
    tally: Tally = field(default_factory=Tally)
    begun: set[int] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def load(cls, folder: Path) -> "Setting":
        """Read what the benchmark has prepared in its private folder."""
        told = world.read(folder / world.FILE)
        books = {name: Book(folder / name) for name in BOOKS if (folder / name).exists()}
        made = cls(told, told.client(told.publisher), told.client(told.consumer), books)
        # Before any user starts: hundreds that find no token would all ask for one.
        made.publisher.token()
        made.consumer.token()
        return made


class ExchangeUser(FastHttpUser):
    """An application system; its requests are counted by Locust and by the tally alike.

    A refusal with a status that is `orderly` for it, and with Retry-After, is counted apart and
    obeyed, for `patience_seconds` at most; any other fails the run. `ready` is set once the setting
    is there: a master may call for users before that.
    """

    abstract = True
    concurrency = 1
    wait_time = constant(0)
    case: ClassVar[str] = ""
    orderly: ClassVar[frozenset[int]] = frozenset()
    patience_seconds: ClassVar[float] = 2.0
    setting: ClassVar[Setting]
    ready: ClassVar[Event] = Event()

    def on_start(self) -> None:
        self.ready.wait()
        self.number = next(self.setting.numbers)
        self.turn = self.number * 7

    def next_turn(self) -> int:
        self.turn += 1
        return self.turn

    def feed(self) -> str:
        feeds = self.setting.world.feeds
        return feeds[self.number % len(feeds)]

    def publish(self, bodies: Sequence[bytes], count: int, name: str, key: str = "") -> None:
        """Publish the next of these bodies into this user's feed; a refusal fails the run."""
        body = bodies[self.next_turn() % len(bodies)]
        self.setting.tally.answered(*self.store(self.feed(), body, count, name, key))

    def store(
        self, resource: str, body: bytes, count: int, name: str, key: str = ""
    ) -> tuple[int, float]:
        """Publish; return how many records the receipt names, and the seconds that it took."""
        path, tally = f"/v1/resources/{resource}/records", self.setting.tally
        headers = NDJSON | bearer(self.setting.publisher)
        headers |= {"Idempotency-Key": key} if key else {}
        answer, seconds = self.call("POST", path, name, headers, body, wanted={CREATED})
        receipt = read_receipt(answer.content)
        if receipt.accepted != count:
            self.failed(f"{receipt.accepted} of {count} accepted")
        tally.acknowledge(resource, receipt.positions)
        return receipt.accepted, seconds

    def store_at_last(self, resource: str, body: bytes, name: str) -> int:
        """Publish a record as any client does, coming again when refused in order; return tries."""
        tries = 1
        while True:
            try:
                self.setting.tally.stored(self.store(resource, body, 1, name)[0])
            except TurnedAway:
                tries += 1
            else:
                return tries

    def ask_for(self, book: Book, place: int, name: str, token: str = "") -> None:
        """Ask what a page of the book asks, and compare the answer byte for byte."""
        page = book.pages[place]
        method, sent = ("POST", page.sent.encode()) if page.sent else ("GET", None)
        headers = bearer(self.setting.consumer, token) | (JSON if sent else {})
        answer, seconds = self.call(method, page.target, name, headers, sent)
        self.compare(answer, book, place, name, seconds)

    def compare(self, answer: Answer, book: Book, place: int, name: str, seconds: float) -> None:
        """Count the page if it is that of the book."""
        tally = self.setting.tally
        if not book.holds(place, answer.content):
            self.failed(f"{name}: page {place} is not the page of the log")
            return
        tally.checked(book.pages[place].count)
        tally.answered(book.pages[place].count, seconds)

    def call(
        self,
        method: str,
        path: str,
        name: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        wanted: Collection[int] = (OK,),
    ) -> tuple[Answer, float]:
        """Return an answer of a `wanted` status, and the seconds that it took.

        Who names no headers is the consumer. Another status ends this turn: RescheduleTask, or
        TurnedAway where the refusal was orderly.
        """
        data: Any = body  # Locust says str, and takes bytes as they are
        told = dict(bearer(self.setting.consumer) if headers is None else headers)
        begun = time.perf_counter()
        with self.client.request(
            method, path, name=name, data=data, headers=told, catch_response=True
        ) as answer:
            seconds = time.perf_counter() - begun
            if answer.status_code in self.orderly:
                answer.success()  # in Locust's own statistics
        self.setting.begun.add(self.number)
        if answer.status_code not in wanted:
            self._come_again(answer)
            self.refused(answer, name)
        return answer, seconds

    def _come_again(self, answer: Answer) -> None:
        """Obey a refusal that is orderly here and says when to come again."""
        pause = (answer.headers or {}).get("Retry-After")
        if answer.status_code in self.orderly and pause:
            self.setting.tally.refused(answer.status_code)
            gevent.sleep(min(float(pause), self.patience_seconds))
            raise TurnedAway

    def refused(self, answer: Answer, name: str) -> None:
        """Count a failure and give this turn up."""
        self.failed(f"{name}: {answer.status_code} {(answer.content or b'')[:200]!r}")
        raise RescheduleTask

    def failed(self, complaint: str) -> None:
        """Count a failure here and on Locust's page, which sees those of all machines."""
        self.setting.tally.failed(complaint)
        self.environment.stats.log_error("CHECK", self.case, complaint)


def bearer(client: ExchangeClient, token: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {token or client.token()}"}
