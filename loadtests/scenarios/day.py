"""A working day: many systems that publish, pull and look things up, with small pauses.

The shares are an assumption, written here to be changed: reads outnumber writes, singles outnumber
batches, and a few lookups of the catalogue run beside.
"""

from locust import between, task

from loadtests.scenarios.base import OK, ExchangeUser
from loadtests.stage import BATCH, MASKED, PAGE, TAIL

LOOKUPS = ("/v1/resources?q=压测&limit=20", "/v1/subscriptions?limit=20", "/v1/me")


class WorkingDay(ExchangeUser):
    case = "mixed"
    wait_time = between(0.01, 0.1)

    def feed(self) -> str:
        feeds = self.setting.world.feeds
        return feeds[self.number % len(feeds)]

    @task(2)
    def publish_batch(self) -> None:
        self.turn += 1
        batches = self.setting.batches
        self.publish(self.feed(), batches[self.turn % len(batches)], BATCH, "day: publish 500")

    @task(10)
    def publish_single(self) -> None:
        self.turn += 1
        singles = self.setting.singles
        self.publish(self.feed(), singles[self.turn % len(singles)], 1, "day: publish 1")

    @task(10)
    def pull_tail(self) -> None:
        book, world = self.setting.books[TAIL], self.setting.world
        self.pull(world.whole, PAGE, book, len(book.pages) - 1, "day: pull tail")

    @task(10)
    def pull_masked(self) -> None:
        self.turn += 1
        book = self.setting.books[MASKED]
        place = self.turn % len(book.pages)
        self.pull(self.setting.world.masked, PAGE, book, place, "day: pull masked")

    @task(3)
    def look_up(self) -> None:
        self.turn += 1
        path = LOOKUPS[self.turn % len(LOOKUPS)]
        answer, seconds = self.call("GET", path, "day: look up", self.read_headers())
        if answer.status_code != OK:
            self.refused(answer, "day: look up")
        self.setting.tally.answered(0, seconds)
