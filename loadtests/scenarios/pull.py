"""Pulling: the tail with all items, six masked items of twelve, and catching up in large pages."""

from locust import task

from loadtests.scenarios.base import ExchangeUser
from loadtests.stage import CATCH_UP, LARGE_PAGE, MASKED, PAGE, TAIL

SPREAD = 97


class PullTail(ExchangeUser):
    """The newest pages, as every consumer that keeps up asks for them."""

    case = "pull-500-tail"

    @task
    def pull_tail(self) -> None:
        self.turn += 1
        book = self.setting.books[TAIL]
        place = self.turn % len(book.pages)
        self.pull(self.setting.world.whole, PAGE, book, place, self.case)


class PullMasked(ExchangeUser):
    """The whole archive page by page, longer than the caches hold."""

    case = "pull-500-masked"

    @task
    def pull_masked(self) -> None:
        self.turn += 1
        book = self.setting.books[MASKED]
        # Users begin far from each other, so that none finds what another has just read.
        place = (self.number * SPREAD + self.turn) % len(book.pages)
        self.pull(self.setting.world.masked, PAGE, book, place, self.case)


class CatchUp(ExchangeUser):
    case = "pull-catch-up"

    @task
    def catch_up(self) -> None:
        self.turn += 1
        book = self.setting.books[CATCH_UP]
        place = self.turn % len(book.pages)
        self.pull(self.setting.world.whole, LARGE_PAGE, book, place, self.case)
