"""Crowds, in processes of their own.

Thousands of long polls that must hear every record once; a bad neighbour, who asks and never reads
or as fast as it can, until it is ended; or many who pour bodies as large as they may be, whose
every answer must be a receipt or an orderly refusal that says when to come again.
"""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx
import orjson

from loadtests import records
from loadtests.generator import CREATED, HEAD_END, LENGTH, NICENESS, OK, STATUS, address
from loadtests.pages import NDJSON, Page
from loadtests.statistics import percentile
from loadtests.tally import BEGIN, DONE, END, Tally, tell

CURSOR = re.compile(rb"\r\nexchange-next-cursor: *(\S+)", re.IGNORECASE)
RETRY_AFTER = re.compile(rb"\r\nretry-after: *[1-9]\d*\r", re.IGNORECASE)
REFUSED, UNAVAILABLE, RETRY_SECONDS = frozenset({429, 503}), 503, 1.0
# Connections are opened so many at a time: the backlog of a listening socket is bounded.
OPENED_AT_ONCE, SETTLING_SECONDS = 200, 300.0
# Longer than the gateway tries to reach a broker that is away.
PATIENCE_SECONDS = 60.0
CLOG_SECONDS, REOPEN_SECONDS, PAUSE_SECONDS = 0.5, 0.1, 0.05
# A body is at most 8 MiB (docs/api.md section 5).
BODY_BYTES = 8 * 1024 * 1024
LONG: dict[str, object] = {
    "address": "广西壮族自治区南宁市青秀区民族大道" * 11,
    "remark": "压" * 50,
}
SLOW_BYTES, SLOW_SECONDS = 256 * 1024, 0.1


class Ask(NamedTuple):
    """A page from a cursor on, asked for with the token at a place; `of` is its resource's."""

    subscription: str
    token: int
    cursor: str
    of: int


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    """Return status, head and body of the next answer; IncompleteReadError where none comes."""
    head = await reader.readuntil(HEAD_END)
    length = LENGTH.search(head)
    return int(head[STATUS]), head, await reader.readexactly(int(length[1]) if length else 0)


@dataclass
class Hall:
    """All polls, which share the `asks` out, and the record that they wait for.

    After an idle time `rounds` records are published one by one, into the resources in turn, each
    when the one before has reached everybody and `settle_seconds` have passed.
    """

    base_url: str
    tokens: Sequence[str]
    asks: Sequence[Ask]
    polls: int
    wait_seconds: int
    idle_seconds: float
    publisher_token: str
    resources: Sequence[str]
    rounds: int
    settle_seconds: float
    tally: Tally = field(default_factory=Tally)
    _key: bytes = b""
    _waiting: set[int] = field(default_factory=set)
    _everybody: asyncio.Event = field(init=False)
    _settled: asyncio.Semaphore = field(init=False)
    _opening: asyncio.Semaphore = field(init=False)

    async def run(self) -> None:
        """Open, stay idle for a while, publish round after round, tell what came."""
        self._everybody, self._settled = asyncio.Event(), asyncio.Semaphore(0)
        self._opening = asyncio.Semaphore(OPENED_AT_ONCE)
        begun = time.perf_counter()
        polls = [asyncio.create_task(self._poll(number)) for number in range(self.polls)]
        async with asyncio.timeout(SETTLING_SECONDS):
            for _ in polls:
                await self._settled.acquire()
        opened = time.perf_counter() - begun
        # The last ones are on their way to where they wait.
        await asyncio.sleep(self.settle_seconds)
        self.tally.open_window()
        tell(BEGIN)
        await asyncio.sleep(self.idle_seconds)
        tell(END, self.tally.close_window())
        rounds = []
        for number in range(self.rounds):
            rounds.append(await self._round(number))
            await asyncio.sleep(self.settle_seconds)
        for poll in polls:
            poll.cancel()
        await asyncio.wait(polls)
        receipts, lasts = zip(*rounds, strict=True)
        self.tally.facts.update(
            open_seconds=opened,
            receipt_p50_ms=percentile(receipts, 0.5) * 1000,
            last_p50_ms=percentile(lasts, 0.5) * 1000,
            last_max_ms=max(lasts) * 1000,
        )
        tell(DONE, self.tally.total())

    async def _poll(self, number: int) -> None:
        """Keep a poll open; each goes on with the cursor that it was given."""
        try:
            async with self._opening:
                reader, writer = await asyncio.open_connection(*address(self.base_url))
            with contextlib.closing(writer):
                await self._follow(number, reader, writer)
        except (OSError, EOFError, ValueError) as error:
            self.tally.failed(f"long poll {number}: {error!r}")
            self._settled.release()
            self._everybody.set()

    async def _follow(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        ask, host, wait = self._ask(number), address(self.base_url)[0], ""
        path, cursor = f"/v1/subscriptions/{ask.subscription}/records", ask.cursor
        while True:
            page = Page(f"{path}?limit=500&cursor={cursor}{wait}", 0, token=ask.token)
            writer.write(page.request(host, self.tokens))
            status, head, body = await answer(reader)
            if status == UNAVAILABLE and RETRY_AFTER.search(head):
                # A worker that is short of time cannot confirm its rules, and says so.
                self.tally.refused()
                await asyncio.sleep(RETRY_SECONDS)
                continue
            found = CURSOR.search(head)
            if status != OK or found is None:
                raise ValueError(f"{head!r} {body[:200]!r}")
            if not wait:
                # The first one is answered at once: then whatever it needs is loaded.
                wait = f"&wait={self.wait_seconds}"
                self._settled.release()
            cursor = found[1].decode()
            if body:
                self._heard(number, body)

    def _ask(self, number: int) -> Ask:
        return self.asks[number % len(self.asks)]

    def _heard(self, number: int, body: bytes) -> None:
        if number not in self._waiting or body.count(b"\n") != 1 or self._key not in body:
            raise ValueError(f"a record that was not waited for: {body[:200]!r}")
        self._waiting.remove(number)
        self.tally.checked(1)
        self.tally.stored(1)
        if not self._waiting:
            self._everybody.set()

    async def _round(self, number: int) -> tuple[float, float]:
        """Publish one record; return the seconds to its receipt, and to the last poll's answer."""
        place = number % len(self.resources)
        self._waiting = {poll for poll in range(self.polls) if self._ask(poll).of == place}
        self._key = str(records.record(number)[records.KEY]).encode()
        self._everybody.clear()
        begun = time.perf_counter()
        await self._publish(self.resources[place], number)
        acknowledged = time.perf_counter() - begun
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._everybody.wait()
        except TimeoutError:
            self.tally.failed(f"{len(self._waiting)} polls did not hear of round {number}")
        return acknowledged, time.perf_counter() - begun

    async def _publish(self, resource: str, number: int) -> None:
        headers = {"Authorization": f"Bearer {self.publisher_token}"} | NDJSON
        async with httpx.AsyncClient(headers=headers, verify=False) as http:  # noqa: S501 - no TLS
            url = f"{self.base_url}/v1/resources/{resource}/records"
            (await http.post(url, content=records.line(number))).raise_for_status()


async def ask_on(base_url: str, request: bytes, connections: int, clogs: bool) -> None:  # noqa: FBT001
    """Ask on every connection again and again; one that `clogs` never reads an answer."""
    os.nice(NICENESS)  # in earnest it would sit on a machine of its own
    asking = (_ask_on(address(base_url), request, clogs=clogs) for _ in range(connections))
    await asyncio.gather(*asking)


async def _ask_on(where: tuple[str, int], request: bytes, *, clogs: bool) -> None:
    """Keep one connection asking; one that is closed is opened again."""
    while True:
        with contextlib.suppress(OSError, EOFError):
            reader, writer = await asyncio.open_connection(*where, limit=2 if clogs else 2**20)
            with contextlib.closing(writer):
                while not reader.at_eof():
                    writer.write(request)
                    if clogs:
                        await writer.drain()
                        await asyncio.sleep(CLOG_SECONDS)
                    else:
                        await answer(reader)
        await asyncio.sleep(REOPEN_SECONDS)


def body(changed: dict[str, object]) -> tuple[bytes, int]:
    """Return a body as large as may be, and how many records it holds."""
    lines: list[bytes] = []
    room = BODY_BYTES
    while room >= 0:
        lines.append(orjson.dumps(records.record(len(lines)) | changed))
        room -= len(lines[-1]) + 1
    return b"\n".join(lines[:-1]), len(lines) - 1


def publish_head(host: str, resource: str, token: str, size_bytes: int) -> bytes:
    return (
        f"POST /v1/resources/{resource}/records HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/x-ndjson\r\n"
        f"Content-Length: {size_bytes}\r\n\r\n"
    ).encode()


@dataclass
class Pourer:
    """`quick` connections send a body at once, `slow` ones piece by piece."""

    base_url: str
    tokens: Sequence[str]
    resources: Sequence[str]
    quick: int
    slow: int
    seconds: float
    tally: Tally = field(default_factory=Tally)
    _body: bytes = b""
    _records: int = 0

    async def run(self) -> None:
        self._body, self._records = body(LONG)
        self.tally.open_window()
        tell(BEGIN)
        until = time.monotonic() + self.seconds
        pouring = (self._pour(number, until) for number in range(self.quick + self.slow))
        await asyncio.gather(*pouring)
        tell(END, self.tally.close_window())
        tell(DONE, self.tally.total())

    async def _pour(self, number: int, until: float) -> None:
        """Publish until the time is up; whatever comes back is judged."""
        token = self.tokens[number % len(self.tokens)]
        resource = self.resources[number % len(self.resources)]
        head = publish_head(address(self.base_url)[0], resource, token, len(self._body))
        while time.monotonic() < until:
            begun = time.perf_counter()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    status, told, _ = await self._ask(head, slowly=number >= self.quick)
                self._judge(status, told, time.perf_counter() - begun)
            except TimeoutError:
                self.tally.failed(f"no answer within {PATIENCE_SECONDS:.0f} s")
            except (OSError, EOFError):
                # A refusal may come while the body is being sent, and its connection ends then.
                self.tally.count("broken_off")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, head: bytes, *, slowly: bool) -> tuple[int, bytes, bytes]:
        reader, writer = await asyncio.open_connection(*address(self.base_url))
        writer.write(head)
        sending = asyncio.create_task(self._send(writer, slowly=slowly))
        try:
            return await answer(reader)
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            writer.transport.abort()

    async def _send(self, writer: asyncio.StreamWriter, *, slowly: bool) -> None:
        step = SLOW_BYTES if slowly else len(self._body)
        with contextlib.suppress(OSError):
            for start in range(0, len(self._body), step):
                writer.write(self._body[start : start + step])
                await writer.drain()
                if slowly:
                    await asyncio.sleep(SLOW_SECONDS)

    def _judge(self, status: int, head: bytes, seconds: float) -> None:
        if status == CREATED:
            self.tally.answered(self._records, seconds)
            self.tally.count("answers_201")
        elif status in REFUSED and RETRY_AFTER.search(head):
            self.tally.refused(status)
        else:
            self.tally.failed(f"{head!r}")
