"""What all users of a load test share: tokens, ready bodies, books of pages, one tally."""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from gevent.event import Event
from locust import FastHttpUser, constant
from locust.exception import RescheduleTask

from loadtests import records, world
from loadtests.generator import CREATED, OK
from loadtests.pages import Book
from loadtests.stage import BATCH, BOOKS
from loadtests.tally import Tally, read_receipt
from loadtests.world import World
from shuyuan_client.http import ExchangeClient

BATCHES, SINGLES = 40, 2000
NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}


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
        books = {name: Book(folder / name) for name in BOOKS}
        made = cls(told, told.client(told.publisher), told.client(told.consumer), books)
        # Before any user starts: hundreds that find no token would all ask for one.
        made.publisher.token()
        made.consumer.token()
        return made


class ExchangeUser(FastHttpUser):
    """An application system; its requests are counted by Locust and by the tally alike.

    `ready` is set once the setting is there: a master may call for users before that.
    """

    abstract = True
    concurrency = 1
    wait_time = constant(0)
    case: ClassVar[str] = ""
    orderly: ClassVar[frozenset[int]] = frozenset()
    setting: ClassVar[Setting]
    ready: ClassVar[Event] = Event()

    def on_start(self) -> None:
        self.ready.wait()
        self.number = next(self.setting.numbers)
        self.turn = self.number * 7

    def next_turn(self) -> int:
        self.turn += 1
        return self.turn

    def publish(self, bodies: Sequence[bytes], count: int, name: str, key: str = "") -> None:
        """Publish the next of these bodies into this user's feed; a refusal fails the run."""
        headers = {"Idempotency-Key": key} if key else {}
        feeds, body = self.setting.world.feeds, bodies[self.next_turn() % len(bodies)]
        feed = feeds[self.number % len(feeds)]
        self.setting.tally.answered(*self.store(feed, body, count, name, headers))

    def store(
        self,
        resource: str,
        body: bytes,
        count: int,
        name: str,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, float]:
        """Publish; return how many records the receipt names, and the seconds that it took."""
        path, tally = f"/v1/resources/{resource}/records", self.setting.tally
        told = {**NDJSON, **bearer(self.setting.publisher), **(headers or {})}
        answer, seconds = self.call("POST", path, name, told, body)
        if answer.status_code != CREATED:
            self.refused(answer, name)
        receipt = read_receipt(answer.content)
        if receipt.accepted != count:
            tally.failed(f"{receipt.accepted} of {count} accepted")
        tally.acknowledge(resource, receipt.positions)
        return receipt.accepted, seconds

    def ask_for(self, book: Book, place: int, name: str) -> None:
        """Ask what a page of the book asks, and compare the answer byte for byte."""
        page = book.pages[place]
        method, sent = ("POST", page.sent.encode()) if page.sent else ("GET", None)
        headers = {**bearer(self.setting.consumer), **(JSON if sent else {})}
        answer, seconds = self.call(method, page.target, name, headers, sent)
        if answer.status_code != OK:
            self.refused(answer, name)
        self.compare(answer, book, place, name, seconds)

    def compare(
        self,
        answer: Any,  # noqa: ANN401 - Locust's own type
        book: Book,
        place: int,
        name: str,
        seconds: float,
    ) -> None:
        """Count the page if it is that of the book."""
        tally = self.setting.tally
        if not book.holds(place, answer.content):
            tally.failed(f"{name}: page {place} is not the page of the log")
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
    ) -> tuple[Any, float]:
        """Return the answer, whatever it says, and the seconds that it took.

        Who names no headers is the consumer. An `orderly` refusal is no failure in Locust's own
        statistics either.
        """
        data: Any = body  # Locust says str, and takes bytes as they are
        told = dict(bearer(self.setting.consumer) if headers is None else headers)
        begun = time.perf_counter()
        with self.client.request(
            method, path, name=name, data=data, headers=told, catch_response=True
        ) as answer:
            seconds = time.perf_counter() - begun
            if answer.status_code in self.orderly:
                answer.success()
        self.setting.begun.add(self.number)
        return answer, seconds

    def refused(self, answer: Any, name: str) -> None:  # noqa: ANN401 - Locust's own type
        """Count a failure and give this turn up."""
        self.setting.tally.failed(f"{name}: {answer.status_code} {(answer.content or b'')[:200]!r}")
        raise RescheduleTask


def bearer(client: ExchangeClient) -> dict[str, str]:
    return {"Authorization": f"Bearer {client.token()}"}


def comes_again(answer: Any, orderly: frozenset[int]) -> float | None:  # noqa: ANN401 - Locust's own
    """Return in how many seconds an orderly refusal says to come again, None for anything else."""
    status, headers = getattr(answer, "status_code", 0), getattr(answer, "headers", None) or {}
    if status in orderly and "Retry-After" in headers:
        return float(headers["Retry-After"])
    return None
