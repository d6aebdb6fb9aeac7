"""Users who do one thing as fast as they are answered, and a working day in which all is done."""

import secrets
from typing import ClassVar

from locust import between, task

from loadtests.scenarios.base import ExchangeUser
from loadtests.stage import BATCH, CATCH_UP, LOOKUPS, MASKED, QUERY, TAIL, VERIFY, WHOLE

RUN = secrets.token_hex(6)
SPREAD = 97


class PublishBatch(ExchangeUser):
    case = "publish-500"

    @task
    def publish_batch(self) -> None:
        self.publish(self.setting.batches, BATCH, self.case)


class PublishSingle(ExchangeUser):
    case = "publish-1"

    @task
    def publish_single(self) -> None:
        self.publish(self.setting.singles, 1, self.case)


class PublishSingleKeyed(ExchangeUser):
    case = "publish-1-keyed"

    @task
    def publish_keyed(self) -> None:
        self.publish(self.setting.singles, 1, self.case, f"{RUN}-{self.number}-{self.turn}")


class Following(ExchangeUser):
    """Asks for the pages of a book in turn.

    Users begin far from each other, so that none finds what another has just read.
    """

    abstract = True
    book: ClassVar[str]

    @task
    def follow(self) -> None:
        book = self.setting.books[self.book]
        place = (self.number * SPREAD + self.next_turn()) % len(book.pages)
        self.ask_for(book, place, self.case)


class PullTail(Following):
    """The newest pages, as every consumer that keeps up asks for them."""

    case, book = "pull-500-tail", TAIL


class PullWhole(Following):
    """The whole archive page by page, longer than the caches hold."""

    case, book = "pull-500", WHOLE


class PullMasked(Following):
    case, book = "pull-500-masked", MASKED


class CatchUp(Following):
    case, book = "pull-catch-up", CATCH_UP


class Query(Following):
    """One record by its key, as a window asks."""

    case, book = "query", QUERY


class Verify(Following):
    """Whether a record is as expected, which it is nine times of ten."""

    case, book = "verify", VERIFY


class WorkingDay(ExchangeUser):
    """Many systems that publish, pull and look things up, with small pauses.

    The shares are an assumption, written here to be changed: reads outnumber writes, singles
    outnumber batches, and a few lookups of the catalogue run beside.
    """

    case = "mixed"
    wait_time = between(0.01, 0.1)

    @task(2)
    def publish_batch(self) -> None:
        self.publish(self.setting.batches, BATCH, "day: publish 500")

    @task(10)
    def publish_single(self) -> None:
        self.publish(self.setting.singles, 1, "day: publish 1")

    @task(10)
    def pull_tail(self) -> None:
        book = self.setting.books[TAIL]
        self.ask_for(book, len(book.pages) - 1, "day: pull tail")

    @task(10)
    def pull_masked(self) -> None:
        book = self.setting.books[MASKED]
        self.ask_for(book, self.next_turn() % len(book.pages), "day: pull masked")

    @task(3)
    def look_up(self) -> None:
        _, seconds = self.call("GET", LOOKUPS[self.next_turn() % len(LOOKUPS)], "day: look up")
        self.setting.tally.answered(0, seconds)
