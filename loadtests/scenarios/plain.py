"""Users who do one thing as fast as they are answered, and a working day in which all is done."""

import secrets
from types import new_class
from typing import ClassVar

from locust import between, task

from loadtests.scenarios.base import UNAVAILABLE, ExchangeUser
from loadtests.stage import BATCH, LOOKUPS, MASKED, PLAIN, TAIL, Plain

RUN = secrets.token_hex(6)
SPREAD = 97


class PlainUser(ExchangeUser):
    """Does one thing as fast as it is answered.

    Users begin far from each other in a book, so that none finds what another has just read.
    """

    abstract = True
    does: ClassVar[Plain]

    @task
    def do(self) -> None:
        if self.does.book:
            book = self.setting.books[self.does.book]
            place = (self.number * SPREAD + self.next_turn()) % len(book.pages)
            self.ask_for(book, place, self.case)
        else:
            bodies = self.setting.singles if self.does.records == 1 else self.setting.batches
            key = f"{RUN}-{self.number}-{self.turn}" if self.does.keyed else ""
            self.publish(bodies, self.does.records, self.case, key)


USERS = {
    each.users: new_class(
        each.users,
        (PlainUser,),
        exec_body=lambda names, each=each: names.update(case=each.case, does=each),  # type: ignore[misc]
    )
    for each in PLAIN
    if each.users
}


class WorkingDay(ExchangeUser):
    """Many systems that publish, pull and look things up, with small pauses.

    The shares are an assumption, written here to be changed: reads outnumber writes, singles
    outnumber batches, and a few lookups of the catalogue run beside. Who is told to come again in
    order, because a worker has no processor, does something else next.
    """

    case = "mixed"
    orderly = frozenset({UNAVAILABLE})
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
