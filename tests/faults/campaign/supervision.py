"""A subscription that its provider suspends and resumes: nothing leaves a second later (P3)."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx

from tests.faults.campaign.pulling import parse
from tests.faults.campaign.scene import Scene
from tests.faults.campaign.wire import Address, Line, Lost, Watch
from tests.support.callers import Caller

STOPS_WITHIN_SECONDS = 1.0
SUSPENDED_SECONDS = (1.5, 4.0)
ACTIVE_SECONDS = (2.0, 6.0)
RETRY_SECONDS = 0.3
READERS = 3
REASON = {"reason": "演练", "remedy_by": "2098-01-01"}


@dataclass(slots=True)
class Ban:
    """From `known_at` on the provider knows of it; `ends_at` is when its end was asked for."""

    known_at: float
    ends_at: float = float("inf")


@dataclass(slots=True)
class Supervision:
    """The provider's head, and readers who ask all the time."""

    scene: Scene
    head: Caller
    address: Address
    watch: Watch
    chance: random.Random
    bans: list[Ban] = field(default_factory=list)
    last_bytes: list[float] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(self.chance.uniform(*ACTIVE_SECONDS))
            if await self._moved("suspend", REASON):
                self.bans.append(Ban(time.monotonic()))
                await asyncio.sleep(self.chance.uniform(*SUSPENDED_SECONDS))
                self.bans[-1].ends_at = time.monotonic()
            await self._insist_on_resuming()

    async def _insist_on_resuming(self) -> None:
        while not await self._moved("resume", None):  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(RETRY_SECONDS)

    async def _moved(self, action: str, body: object) -> bool:
        """Whether the state is certainly the wanted one; a lost answer decides nothing."""
        path = f"/v1/subscriptions/{self.scene.grants['suspended'].id}/{action}"
        try:
            answer = await self.head.post(path, body)
        except (httpx.TransportError, AssertionError):
            return False
        allowed = {200, 409, 429, 503}
        if answer.status_code not in allowed:
            self.watch.accuse(f"{action}: {answer.status_code} {answer.text[:300]}")
        return answer.status_code in (200, 409)

    async def read(self, name: int, stop: asyncio.Event) -> None:
        """Ask from the earliest record on, with and without waiting, whatever the answer."""
        line = Line(self.address, self.watch, self.scene.reader, masked=True)
        cursor = ""
        while not stop.is_set():
            query = {"limit": 200, "wait": 2 * (name % 2)} | ({"cursor": cursor} if cursor else {})
            path = f"/v1/subscriptions/{self.scene.grants['suspended'].id}/records"
            try:
                answer = await line.ask("GET", f"{path}?{urlencode(query)}")
            except Lost:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if answer.status == 200:
                cursor = answer.headers["exchange-next-cursor"]
                self._left(answer.at, len(parse(answer)))
            elif answer.code != "subscription_suspended" and answer.status not in (429, 503):
                self.watch.accuse(f"suspended reader: {answer.status} {answer.body[:300]!r}")
            await asyncio.sleep(self.chance.uniform(0.01, 0.1))
        line.drop()

    def _left(self, at: float, records: int) -> None:
        """Records arrived at this moment: was the subscription suspended for too long?"""
        for ban in self.bans[-2:]:
            after = at - ban.known_at
            if not (records and ban.known_at < at < ban.ends_at):
                continue
            self.last_bytes.append(after)
            excused = self.watch.pulse.worst(ban.known_at, at)
            if after > STOPS_WITHIN_SECONDS + excused:
                self.watch.accuse(
                    f"{records} records {after:.3f} s after the suspension was acknowledged "
                    f"(this process was late by {excused:.3f} s)"
                )


def stopped_within(samples: Sequence[float]) -> str:
    """Say when the last bytes came after a suspension."""
    if not samples:
        return "nothing left after a suspension was acknowledged"
    return f"last byte at most {max(samples) * 1000:.0f} ms after a suspension was acknowledged"
