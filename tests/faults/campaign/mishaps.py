"""What clients do to themselves: they leave in the middle, or ask two workers at once (P5, P6)."""

import asyncio
import random
import time
from collections.abc import Sequence
from itertools import count
from urllib.parse import urlencode

from tests.faults.campaign.ledger import UPSERT, Attempt, Fate
from tests.faults.campaign.publishing import (
    Desk,
    body_of,
    headers_of,
    insist,
    target_of,
)
from tests.faults.campaign.scene import key_of
from tests.faults.campaign.stage import WORKERS
from tests.faults.campaign.wire import Answer, Line, Lost

RECORDS = 12
CROWD = 6
# Batches that are on the wire when a worker is killed, and how long their senders stay.
LEFT = 4
LEAVES_SECONDS = 0.2
FINDING_SECONDS = 15.0
TASTE_BYTES = 700


class Mishaps:
    """Each publishes records of its own, so that the verdict can tell what became of them."""

    def __init__(self, name: str, desk: Desk, chance: random.Random) -> None:
        self._name = name
        self._desk = desk
        self._chance = chance
        self._turns = count(1)

    def _attempt(self, name: str, idempotency_key: str | None) -> Attempt:
        resource = self._chance.choice([self._desk.scene.narrow, self._desk.scene.wide])
        keys = [key_of(f"{name}-{n}") for n in range(RECORDS)]
        made = self._desk.ledger.attempt
        return made(resource.id, resource.partitions, keys, idempotency_key, UPSERT)

    def _named(self, what: str) -> str:
        return f"{self._name}-{what}-{next(self._turns)}"

    async def gone_in_its_body(self) -> None:
        """Half a batch is no batch: nothing of it is stored, and the same key is free."""
        name = self._named("half")
        cut = self._attempt(name, name)
        cut.fate = Fate.REFUSED
        body = body_of(cut)
        line = self._desk.line()
        try:
            half = body[: len(body) * self._chance.randint(1, 9) // 10]
            sent = await line.send("POST", target_of(cut), half, len(body), **headers_of(cut))
            await sent.drain()
            await asyncio.sleep(self._chance.uniform(0, 0.3))
        except OSError:
            pass  # the gateway may be gone itself
        finally:
            line.drop()
        whole = self._attempt(f"{name}-whole", name)
        await self._decide(whole)

    async def gone_before_its_answer(self) -> None:
        """Whoever did not hear the answer asks again and gets the one receipt."""
        name = self._named("deaf")
        attempt = self._attempt(name, name)
        for _try in range(self._chance.randint(1, 3)):
            await self._leave(attempt, self._chance.choice([0, 0.002, 0.01, 0.05]))
        await self._decide(attempt)

    async def leave_on_the_wire(self) -> list[Attempt]:
        """Send batches and leave; whoever kills a worker now leaves them undecided."""
        left = [self._attempt(name := self._named("wire"), name) for _ in range(LEFT)]
        await asyncio.gather(*(self._leave(attempt, LEAVES_SECONDS) for attempt in left))
        return left

    async def decide(self, left: Sequence[Attempt]) -> None:
        await asyncio.gather(*(self._decide(attempt) for attempt in left))

    async def _leave(self, attempt: Attempt, seconds: float) -> None:
        """Send a whole batch and leave without its answer."""
        line, body = self._desk.line(), body_of(attempt)
        try:
            sent = await line.send(
                "POST", target_of(attempt), body, len(body), **headers_of(attempt)
            )
            await sent.drain()
            await asyncio.sleep(seconds)
        except OSError:
            pass  # the gateway may be gone itself
        finally:
            attempt.tries += 1
            line.drop()

    async def gone_in_its_page(self) -> None:
        """A page that was cut off costs asking again, from the same place."""
        scene, watch = self._desk.scene, self._desk.watch
        grant = scene.grants[self._chance.choice(["whole-narrow", "whole-wide"])]
        path = f"/v1/subscriptions/{grant.id}/records?{urlencode({'limit': 10_000})}"
        line = Line(self._desk.address, watch, scene.reader)
        try:
            for _time in range(CROWD):
                await line.send("GET", path, b"", 0)
                await line.take(TASTE_BYTES)
                line.drop()
        except OSError:
            line.drop()

    async def two_workers_at_once(self, *, same: bool) -> bool:
        """One key at two workers in the same moment; False when only one worker was found.

        With the same body both get the one receipt; with two bodies one of them is refused.
        """
        lines = await self._lines_to_both()
        if len(lines) < WORKERS:
            return False
        name = self._named("race")
        first = self._attempt(name, name)
        second = first if same else self._rival(first, name)
        answers = await asyncio.gather(
            *(
                insist(line, self._desk.ledger, attempt)
                for line, attempt in zip(lines, (first, second), strict=True)
            )
        )
        for line in lines:
            line.drop()
        self._judge_race(first, second, answers)
        return True

    def _rival(self, first: Attempt, name: str) -> Attempt:
        keys = [key_of(f"{name}-rival-{n}") for n in range(RECORDS)]
        made = self._desk.ledger.attempt
        return made(first.resource, first.partitions, keys, first.idempotency_key, UPSERT)

    def _judge_race(
        self, first: Attempt, second: Attempt, answers: Sequence[Answer | None]
    ) -> None:
        told = [f"{answer.status} {answer.code}" if answer else "none" for answer in answers]
        fair = ["201", "201"] if first is second else ["201", "422 idempotency_key_reused"]
        if sorted(each.strip() for each in told) != fair:
            self._desk.watch.accuse(f"a race ended in {told}: {first.told()}, {second.told()}")
        for attempt, answer in zip((first, second), answers, strict=True):
            if answer is not None and answer.status == 422:
                attempt.fate = Fate.REFUSED

    async def _lines_to_both(self) -> list[Line]:
        """Open connections until there is one to each of two workers."""
        found: dict[str, Line] = {}
        deadline = time.monotonic() + FINDING_SECONDS
        while time.monotonic() < deadline and len(found) < WORKERS:
            crowd = [self._desk.line() for _ in range(CROWD)]
            asked = (line.ask("GET", "/healthz") for line in crowd)
            answers = await asyncio.gather(*asked, return_exceptions=True)
            for line, answer in zip(crowd, answers, strict=True):
                if isinstance(answer, Answer) and answer.worker not in found:
                    found[answer.worker] = line
                else:
                    line.drop()
                if isinstance(answer, BaseException) and not isinstance(answer, Lost):
                    raise answer
        return list(found.values())[:WORKERS]

    async def _decide(self, attempt: Attempt) -> None:
        """Ask from several sides at once: whoever settles it, there is one receipt."""
        lines = [self._desk.line() for _ in range(CROWD)]
        await asyncio.gather(*(insist(line, self._desk.ledger, attempt) for line in lines))
        for line in lines:
            line.drop()
