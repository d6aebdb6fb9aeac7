"""What the raw generator asks, as ready bytes, and what it makes of the answers."""

import itertools
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from loadtests import records
from loadtests.pages import Book
from loadtests.tally import Tally, read_receipt

CREATED, OK = 201, 200
BODIES_AT_MOST = 2000
BODY_RECORDS_AT_MOST = 20_000


class Publish(msgspec.Struct, tag="publish"):
    """Batches of `records` each, into the resources in turn; `keyed` gives each its own key."""

    resources: list[str]
    records: int
    keyed: bool = False


class Pull(msgspec.Struct, tag="pull"):
    """Pages of a book over and over; `more` is what the query says besides cursor and limit."""

    subscription: str
    limit: int
    book: str
    more: str = ""


Work = Publish | Pull


class Workload(Protocol):
    """`ask` returns the bytes of a caller's next request, `answered` how many records came."""

    def ask(self, caller: int) -> bytes: ...

    def answered(self, caller: int, status: int, body: bytes) -> int:
        """Raise ValueError for an answer that is not as it must be."""
        ...


def workload(work: Work, host: str, token: str, callers: int, tally: Tally) -> Workload:
    if isinstance(work, Publish):
        return Publishing(work, host, token, tally)
    return Pulling(work, host, token, callers, tally)


def bodies_of(records_each: int) -> list[bytes]:
    """Return the bodies that are sent in turn."""
    count = min(BODIES_AT_MOST, max(1, BODY_RECORDS_AT_MOST // records_each))
    return records.bodies(records_each, count)


class Publishing:
    def __init__(self, work: Publish, host: str, token: str, tally: Tally) -> None:
        bodies = bodies_of(work.records)
        self._heads = [
            f"POST /v1/resources/{resource}/records HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/x-ndjson\r\n".encode()
            for resource in work.resources
        ]
        self._tails = [b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies]
        self._keys = _keys() if work.keyed else None
        self._turns = itertools.count()
        self._tally = tally
        self._records = work.records

    def ask(self, caller: int) -> bytes:
        turn = next(self._turns)
        head, tail = self._heads[caller % len(self._heads)], self._tails[turn % len(self._tails)]
        return head + (next(self._keys) if self._keys else b"") + tail

    def answered(self, caller: int, status: int, body: bytes) -> int:
        del caller
        if status != CREATED:
            raise ValueError(f"{status}: {body[:200]!r}")
        receipt = read_receipt(body)
        if receipt.accepted != self._records:
            raise ValueError(f"{receipt.accepted} of {self._records} accepted")
        self._tally.acknowledge(receipt.resource_id, receipt.positions)
        return receipt.accepted


def _keys() -> Iterator[bytes]:
    run = secrets.token_hex(6)
    return (f"Idempotency-Key: {run}-{number}\r\n".encode() for number in itertools.count())


class Pulling:
    def __init__(self, work: Pull, host: str, token: str, callers: int, tally: Tally) -> None:
        self._book = Book(Path(work.book))
        places = range(len(self._book.pages))
        self._requests = [self._request(work, host, token, place) for place in places]
        # Callers begin evenly spread, each where another one was long ago.
        self._turns = [len(places) * caller // callers for caller in range(callers)]
        self._tally = tally

    def _request(self, work: Pull, host: str, token: str, place: int) -> bytes:
        query = f"cursor={self._book.pages[place].cursor}&limit={work.limit}{work.more}"
        return (
            f"GET /v1/subscriptions/{work.subscription}/records?{query} HTTP/1.1\r\n"
            f"Host: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )

    def _place(self, caller: int) -> int:
        return self._turns[caller] % len(self._requests)

    def ask(self, caller: int) -> bytes:
        return self._requests[self._place(caller)]

    def answered(self, caller: int, status: int, body: bytes) -> int:
        place = self._place(caller)
        if status != OK:
            raise ValueError(f"{status}: {body[:200]!r}")
        if body != self._book.body(place):
            raise ValueError(f"page {place} is not the page of the log")
        self._turns[caller] += 1
        count = self._book.pages[place].count
        self._tally.checked += count
        return count
