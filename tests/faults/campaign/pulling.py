"""Readers with cursors: they go on, ask again, commit, forget their place and find it again."""

import asyncio
import random
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson

from tests.faults.campaign.ledger import Chain, Ledger
from tests.faults.campaign.scene import Grant, Scene
from tests.faults.campaign.wire import Address, Answer, Line, Lost, Watch

BUSY = frozenset({429, 503})
SUSPENDED = 403
# Chances of a turn: ask again for the page before, commit, forget the place, change the worker.
AGAIN, COMMIT, FORGET, RECONNECT = 0.12, 0.08, 0.02, 0.1
WAITS = (0, 0, 1, 3)
LIMITS = (7, 100, 500, 500)
PACE_SECONDS = (0.02, 0.2)
BACKOFF_SECONDS = 0.1
# How long a commit whose answer was lost may still be on its way.
COMMIT_LANDS_SECONDS = 90.0
DRAIN_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was asked for; `worker` is who answered."""

    cursor: str | None
    limit: int
    items: list[int | str]
    next_cursor: str
    worker: str


def parse(answer: Answer, chain: Chain | None = None) -> list[int | str]:
    """Return numbers of upserts and keys of deletes, in order."""
    items: list[int | str] = []
    for line in answer.body.splitlines():
        shown = orjson.loads(line)
        if shown["op"] == "delete":
            items.append(shown["key"])
            continue
        number = shown["data"]["n"]
        items.append(number)
        if chain is not None:
            chain.shown.setdefault(shown["key"], number)
    return items


class Reader:
    """One subscription's system; its chain is what it was given in order."""

    def __init__(
        self, name: str, address: Address, scene: Scene, ledger: Ledger, watch: Watch,
        chance: random.Random,
    ) -> None:  # fmt: skip
        self.grant: Grant = scene.grants[name]
        resource = self.grant.resource
        self.chain = Chain(name, resource.id, resource.partitions, self.grant.masked)
        ledger.chains.append(self.chain)
        self._watch = watch
        self._chance = chance
        self._line = Line(address, watch, scene.reader, masked=self.grant.masked)
        self._path = f"/v1/subscriptions/{self.grant.id}"
        self._cursor: str | None = None
        self._last: Page | None = None
        self._committed: tuple[str, int] | None = None
        self._uncertain_until = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._turn()
            except Lost:
                await asyncio.sleep(BACKOFF_SECONDS)
            await asyncio.sleep(self._chance.uniform(*PACE_SECONDS))

    async def _turn(self) -> None:
        if self._chance.random() < RECONNECT:
            self._line.drop()
        luck = self._chance.random()
        if luck < AGAIN and self._last is not None:
            await self._ask_again(self._last)
        elif luck < AGAIN + COMMIT and self._cursor is not None:
            await self._commit(self._cursor)
        elif luck < AGAIN + COMMIT + FORGET:
            self._forget()
        else:
            await self._go_on(self._chance.choice(LIMITS), self._chance.choice(WAITS))

    async def _go_on(self, limit: int, wait: float) -> int:
        """Take the next page and return how many records it has, -1 when it was refused."""
        page = await self._page(self._cursor, limit, wait, self.chain)
        if page is None:
            await asyncio.sleep(BACKOFF_SECONDS)
            return -1
        self.chain.items += page.items
        self.chain.pages += 1
        if self._cursor is not None:
            self._last = page
        self._cursor = page.next_cursor
        return len(page.items)

    async def _ask_again(self, last: Page) -> None:
        """The same cursor gives a page that begins with the same records (P6)."""
        page = await self._page(last.cursor, last.limit, 0)
        if page is None:
            return
        self.chain.again += 1
        if page.items[: len(last.items)] != last.items:
            self._watch.accuse(
                f"{self.chain.reader}: the page from {last.cursor} was {last.items[:5]}… "
                f"({len(last.items)}, by {last.worker}) and is {page.items[:5]}… "
                f"({len(page.items)}, by {page.worker})"
            )

    async def _page(
        self, cursor: str | None, limit: int, wait: float, chain: Chain | None = None
    ) -> Page | None:
        query = {"limit": limit, "wait": wait} | ({} if cursor is None else {"cursor": cursor})
        answer = await self._line.ask("GET", f"{self._path}/records?{urlencode(query)}")
        if answer.status != 200:
            self._refused(answer)
            return None
        items, after = parse(answer, chain), answer.headers["exchange-next-cursor"]
        if len(items) != int(answer.headers["exchange-count"]) or len(items) > limit:
            self._watch.accuse(f"{self.chain.reader}: {len(items)} records in {answer.headers}")
        return Page(cursor, limit, items, after, answer.worker)

    async def _commit(self, cursor: str) -> None:
        """Store the position; one whose answer is lost may land later."""
        place = (cursor, len(self.chain.items))
        body = orjson.dumps({"cursor": cursor})
        self._committed, before = None, self._uncertain_until
        self._uncertain_until = time.monotonic() + COMMIT_LANDS_SECONDS
        answer = await self._line.ask(
            "PUT", f"{self._path}/position", body, Content_Type="application/json"
        )
        if answer.status in (200, 204):
            self._committed, self._uncertain_until = place, before
        else:
            self._refused(answer)

    def _forget(self) -> None:
        """Begin again without a cursor: at the committed position, on any worker."""
        if self._committed is None or time.monotonic() < self._uncertain_until:
            return
        _cursor, length = self._committed
        del self.chain.items[length:]
        self._cursor = self._last = None

    def _refused(self, answer: Answer) -> None:
        if answer.status not in BUSY:
            self._watch.accuse(f"{self.chain.reader}: {answer.status} {answer.body[:300]!r}")

    async def drain(self, expected: int) -> None:
        """Read on until as much was read as the log holds; AssertionError says what is missing."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline and len(self.chain.items) < expected:
            try:
                await self._go_on(10_000, 1)
            except Lost:
                await asyncio.sleep(BACKOFF_SECONDS)
        # One more: nothing may come that is not in the log.
        await self._go_on(10_000, 0)
        self._line.drop()
