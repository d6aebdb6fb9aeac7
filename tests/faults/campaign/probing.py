"""How long it takes after a fault until the platform serves again."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlencode

import orjson

from tests.faults.campaign.publishing import Desk, attempt_once, insist
from tests.faults.campaign.pulling import parse
from tests.faults.campaign.reading import Resource
from tests.faults.campaign.scene import Grant, key_of
from tests.faults.campaign.wire import Line, Lost

RECOVERY_SECONDS = 120.0
TRY_SECONDS = 3.0
PAUSE_SECONDS = 0.02
SPREAD_KEYS = 8


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds since the fault: until publish and pull succeed, and until a record is through.

    `served` is the end of the last interruption that the prober met; `through` is when a keyed
    batch over all partitions, sent after that, was read.
    """

    served: float
    through: float


class Prober:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turns = count(1)

    async def measure(self, since: float, repair: "asyncio.Task[None] | None") -> Recovery:
        """Try until all works again; a violation when that takes too long."""
        served = await self._until_served(since, repair)
        through = await self._until_through(since)
        return Recovery(served, through)

    async def _until_served(self, since: float, repair: "asyncio.Task[None] | None") -> float:
        """Return when the last interruption was over; under repair one may be yet to come."""
        served: float | None = None
        while True:
            under_repair = repair is not None and not repair.done()
            if not (await self._publishes() and await self._pulls()):
                served = None
            elif served is None:
                served = time.monotonic() - since
            if served is not None and not under_repair:
                return served
            if time.monotonic() - since > RECOVERY_SECONDS:
                self._accuse(f"not served within {RECOVERY_SECONDS:.0f} s of the fault", since)
                return time.monotonic() - since
            await asyncio.sleep(PAUSE_SECONDS)

    async def _publishes(self) -> bool:
        """Publish one record as a new client would, once."""
        resource = self._desk.scene.probed
        keys = [key_of(f"probe-{next(self._turns)}")]
        attempt = self._desk.ledger.attempt(resource.id, resource.partitions, keys, None)
        line = self._desk.line()
        try:
            async with asyncio.timeout(TRY_SECONDS):
                answer = await attempt_once(line, self._desk.ledger, attempt)
        except (Lost, TimeoutError):
            return False
        finally:
            line.drop()
        return answer.status == 201

    async def _pulls(self) -> bool:
        grant = self._desk.scene.grants["probe-narrow"]
        line = self._reader(grant)
        try:
            async with asyncio.timeout(TRY_SECONDS):
                answer = await line.ask("GET", f"/v1/subscriptions/{grant.id}/records?limit=1")
        except (Lost, TimeoutError):
            return False
        finally:
            line.drop()
        return answer.status == 200

    async def _until_through(self, since: float) -> float:
        scene = self._desk.scene
        wide: Resource = scene.wide
        name = f"through-{next(self._turns)}"
        keys = [key_of(f"{name}-{n}") for n in range(SPREAD_KEYS)]
        reader = self._reader(scene.grants["probe-wide"])
        place = await self._latest(reader)
        attempt = self._desk.ledger.attempt(wide.id, wide.partitions, keys, name)
        line = self._desk.line()
        await insist(line, self._desk.ledger, attempt)
        line.drop()
        wanted = {each.number for each in attempt.lines}
        while wanted:
            place, seen = await self._page(reader, place)
            wanted -= seen
            if time.monotonic() - since > RECOVERY_SECONDS:
                self._accuse(f"not read within {RECOVERY_SECONDS:.0f} s: {name}", since)
                break
        reader.drop()
        return time.monotonic() - since

    def _accuse(self, complaint: str, since: float) -> None:
        self._desk.watch.accuse_of_lateness(complaint, since)

    def _reader(self, grant: Grant) -> Line:
        desk = self._desk
        return Line(desk.address, desk.watch, desk.scene.reader, masked=grant.masked)

    async def _latest(self, reader: Line) -> str:
        """Return a cursor at the end of the log, however often it must be asked for."""
        path = f"/v1/subscriptions/{self._desk.scene.grants['probe-wide'].id}/rewind"
        body = orjson.dumps({"to": "latest"})
        deadline = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline:
            with suppress(Lost):
                answer = await reader.ask("POST", path, body, Content_Type="application/json")
                if answer.status == 200:
                    return str(orjson.loads(answer.body)["cursor"])
            await asyncio.sleep(PAUSE_SECONDS)
        raise TimeoutError("the end of the log was never told")

    async def _page(self, reader: Line, place: str) -> tuple[str, set[int | str]]:
        path = f"/v1/subscriptions/{self._desk.scene.grants['probe-wide'].id}/records"
        query = urlencode({"cursor": place, "limit": 1000, "wait": 1})
        try:
            answer = await reader.ask("GET", f"{path}?{query}")
        except Lost:
            return place, set()
        if answer.status != 200:
            await asyncio.sleep(PAUSE_SECONDS)
            return place, set()
        return answer.headers["exchange-next-cursor"], set(parse(answer))
