"""Receivers of pushes, in a process of their own.

One good receiver counts and compares what it is sent; or a hundred, of which one behaves badly in
every second window, tell how late the others' records come. Signatures are verified by the client
package, every record is compared with what was published.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import orjson

from deploy.local.files import write_private
from loadtests import records
from loadtests.generator import HEAD_END
from loadtests.pages import NDJSON
from loadtests.records import Record
from loadtests.statistics import median, percentile, ratio
from loadtests.tally import BEGIN, DONE, END, Tally, tell
from shuyuan_client.webhooks import WebhookVerifier

GOOD, BAD = "127.0.0.1", "127.0.0.2"
ERROR, REDIRECT, RESET, SLOW, DEAD = KINDS = ("error", "redirect", "reset", "slow", "dead")
MAX_RECORDS, MAX_BYTES = 10_000, 8 * 1024 * 1024
TICK_SECONDS, TIMEOUT_SECONDS, PATIENCE_SECONDS = 0.5, 60.0, 120.0
SLOW_SECONDS = 1.0


@dataclass
class Receivers:
    """Whose pushes come: so many records of a backlog, or with `pairs` those of windows in pairs.

    Every subscription has a path of its own; the first one's receiver is the bad one and has a host
    of its own. `secrets` is a file with those of endpoints that an earlier run has made.
    """

    base_url: str
    port: int
    head_token: str
    publisher_token: str
    resource: str
    subscriptions: Sequence[str]
    secrets: Path
    backlog: int = 0
    pairs: int = 0
    seconds: float = 0.0
    verifiers: list[WebhookVerifier] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    all_here: asyncio.Event = field(init=False)
    _bad_server: asyncio.Server = field(init=False)
    _http: httpx.AsyncClient = field(init=False)
    _known: Mapping[str, Record] = field(init=False)
    _seen: set[str] = field(default_factory=set)
    _late: list[float] = field(default_factory=list)
    _bad: str = ""

    async def run(self) -> None:
        """Serve, make the endpoints, let records come, tell what came."""
        self.get_ready()
        server = await asyncio.start_server(self._serve, GOOD, self.port)
        async with server, self._http:
            await self._open_bad()
            await self._endpoints()
            await (self._windows() if self.pairs else self._backlog())
            for subscription in self.subscriptions:
                await self._command(subscription, "pause")
            tell(DONE, self.tally.total())

    def get_ready(self) -> None:
        self._known = {str(each[records.KEY]): each for each in map(orjson.loads, records.lines())}
        self.all_here = asyncio.Event()
        self._http = httpx.AsyncClient(
            base_url=self.base_url, timeout=TIMEOUT_SECONDS, verify=False  # noqa: S501 - no TLS
        )  # fmt: skip

    async def _open_bad(self) -> None:
        self._bad_server = await asyncio.start_server(self._serve, BAD, self.port)

    async def _endpoints(self) -> None:
        """Register and test the endpoints, or resume those of an earlier run."""
        known = self.secrets.exists()
        secrets: list[str] = orjson.loads(self.secrets.read_bytes()) if known else []
        for number, subscription in enumerate(self.subscriptions):
            act = "resume"
            if number == len(secrets):
                act = "test"
                secrets.append(await self._register(number, subscription))
                write_private(self.secrets, orjson.dumps(secrets).decode())
            self.verifiers.append(WebhookVerifier(secrets[number]))
            await self._command(subscription, act)

    async def _register(self, number: int, subscription: str) -> str:
        host = GOOD if number or not self.pairs else BAD
        url = f"http://{host}:{self.port}/{number}"
        wanted = {"url": url, "max_records": MAX_RECORDS, "max_bytes": MAX_BYTES}
        path = f"/v1/subscriptions/{subscription}/endpoint"
        answer = await self._http.put(path, json=wanted, headers=self._head)
        return str(answer.raise_for_status().json()["secret"])

    @property
    def _head(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.head_token}"}

    async def _command(self, subscription: str, act: str) -> None:
        path = f"/v1/subscriptions/{subscription}/endpoint/{act}"
        (await self._http.post(path, headers=self._head)).raise_for_status()

    async def _backlog(self) -> None:
        """Measure from the first batch to the last."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.all_here.wait()
        tell(END, self.tally.close_window())

    async def _windows(self) -> None:
        """Measure the others in pairs of windows, without and with the bad one being bad."""
        quiet: list[list[float]] = []
        beside: list[list[float]] = []
        self.tally.open_window()
        tell(BEGIN)
        for kind in islice(cycle(KINDS), self.pairs):
            quiet.append(await self._window(""))
            # A test that is passed lets the host be called again, whatever it did before.
            await self._command(self.subscriptions[0], "test")
            beside.append(await self._window(kind))
            if kind == DEAD:
                await self._open_bad()
        tell(END, self.tally.close_window())
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            pair = [[percentile(each, share) * 1000 for each in of] for of in (quiet, beside)]
            found = ratio(*pair)
            told = {"ratio": found.value, "ratio_low": found.low, "ratio_high": found.high}
            told |= {"quiet_ms": median(pair[0]), "beside_ms": median(pair[1])}
            self.tally.facts.update({f"others_{name}_{each}": of for each, of in told.items()})

    async def _window(self, bad: str) -> list[float]:
        """Publish a record every so often; return how late each came at each good receiver."""
        self._bad, self._late = bad, []
        if bad == DEAD:
            self._bad_server.close()
        count = max(1, round(self.seconds / TICK_SECONDS))
        wanted = count * (len(self.subscriptions) - 1)
        due = time.monotonic()
        for turn in range(count):
            due += TICK_SECONDS
            await asyncio.sleep(due - time.monotonic())
            await self._publish(records.line(turn, remark=str(int(due * 1e9))))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(self._late) < wanted:  # noqa: ASYNC110 - many tell it
                    await asyncio.sleep(0.01)
        if len(self._late) != wanted:
            self.tally.failed(f"{len(self._late)} of {wanted} records came, {bad or 'all good'}")
        self._bad = ""
        return self._late

    async def _publish(self, line: bytes) -> None:
        headers = {"Authorization": f"Bearer {self.publisher_token}"} | NDJSON
        path = f"/v1/resources/{self.resource}/records"
        (await self._http.post(path, content=line, headers=headers)).raise_for_status()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError), contextlib.closing(writer):
            while True:
                lines = (await reader.readuntil(HEAD_END)).decode().split("\r\n")
                head = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                exact = dict(line.split(": ", 1) for line in lines[1:] if line)
                body = await reader.readexactly(int(head["content-length"]))
                number = int(lines[0].split()[1].strip("/"))
                if self._bad and not number:
                    if not await self._misbehave(writer):
                        return
                    continue
                told = self.received(number, exact, body)
                answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told)
                writer.write(answer)
                await writer.drain()

    async def _misbehave(self, writer: asyncio.StreamWriter) -> bool:
        """Answer badly; return whether the connection goes on."""
        if self._bad == SLOW:
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(SLOW_SECONDS)
            return True
        if self._bad in {RESET, DEAD}:
            writer.transport.abort()
            return False
        status = b"500 Oops" if self._bad == ERROR else b"302 Found\r\nLocation: http://127.0.0.3/"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)
        return True

    def received(self, number: int, head: dict[str, str], body: bytes) -> bytes:
        """Verify and compare a message; return what is answered."""
        message, said = self.verifiers[number].verify(head, body), orjson.loads(body)
        if said["type"] == "endpoint.challenge":
            return orjson.dumps(said["data"])
        if message not in self._seen:
            self._seen.add(message)
            self._take(number, said["data"]["records"])
        return b""

    def _take(self, number: int, lines: list[dict[str, Any]]) -> None:
        if self.pairs:
            arrived = time.monotonic()
            if number:
                late = [arrived - int(each["data"]["remark"]) / 1e9 for each in lines]
                self._late += late
                self.tally.checked(len(late))
                for seconds in late:
                    self.tally.answered(1, seconds)
            return
        if not self.tally.whole.records:
            self.tally.open_window()
            tell(BEGIN)
        good = sum(self._known.get(each["key"]) == each["data"] for each in lines)
        self.tally.checked(good)
        self.tally.answered(len(lines), 0.0)
        if self.tally.whole.records >= self.backlog:
            self.all_here.set()
