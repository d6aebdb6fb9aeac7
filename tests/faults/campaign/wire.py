"""One keep-alive connection of a client that trusts nothing: every answer is looked at."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

ANSWER_SECONDS = 90.0
CONNECT_SECONDS = 20.0
LINE_LIMIT = 64 * 1024
# Every value that a mask must hide begins with this.
CLEAR = b"CLEAR"
# How many violations of one wording are told; the others are counted.
TOLD = 5
LAG_SECONDS = 0.02
EXCUSED_SECONDS = 5.0
NUMBERS = re.compile(r"[0-9a-f]{8,}|\d+(\.\d+)?")
WORDING = 60


class Lost(Exception):
    """The connection ended, or stayed silent, before the answer was whole."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where gateways listen: on one port, of one address or of several alike."""

    host: str
    port: int
    also: tuple[str, ...] = ()

    def any_host(self) -> str:
        return random.choice((self.host, *self.also))  # noqa: S311


@dataclass(frozen=True, slots=True)
class Answer:
    """`at` is when its last byte arrived, on the monotonic clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def worker(self) -> str:
        return self.headers.get("exchange-worker", "")

    @property
    def code(self) -> str:
        """The stable code of a refusal, empty where there is none."""
        try:
            said = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return ""
        return str(said.get("code", "")) if isinstance(said, dict) else ""


class Pulse:
    """How late this process itself is: what it sees late was not sent late."""

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []

    async def run(self) -> None:
        while True:
            asked = time.monotonic()
            await asyncio.sleep(LAG_SECONDS)
            late = time.monotonic() - asked - LAG_SECONDS
            if late > LAG_SECONDS:
                self._late.append((asked, late))

    def worst(self, since: float, until: float) -> float:
        """Return the longest lateness of a stretch of time."""
        return max((late for at, late in self._late if since - late <= at <= until), default=0.0)


@dataclass(slots=True)
class Watch:
    """What was seen on all connections: answers by status and code, and what must not be."""

    answers: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    lost: int = 0
    accused: Counter[str] = field(default_factory=Counter)
    pulse: Pulse = field(default_factory=Pulse)

    def accuse(self, complaint: str) -> None:
        wording = NUMBERS.sub("#", complaint)[:WORDING]
        self.accused[wording] += 1
        if self.accused[wording] <= TOLD:
            self.violations.append(f"at {time.time():.3f}: {complaint}")

    def accuse_of_lateness(self, complaint: str, since: float) -> None:
        """Accuse, unless this process itself stood still for a while since then."""
        if self.pulse.worst(since, time.monotonic()) < EXCUSED_SECONDS:
            self.accuse(complaint)

    def untold(self) -> list[str]:
        """Say how many violations of each wording were not told one by one."""
        return [
            f"and {count - TOLD} more like: {wording}"
            for wording, count in self.accused.items()
            if count > TOLD
        ]

    def look(self, asked: str, answer: Answer, *, masked: bool) -> None:
        """Judge one answer by itself (P3, P10)."""
        status, code = answer.status, answer.code if answer.status >= 400 else ""
        self.answers[f"{status} {code}".rstrip()] += 1
        if masked and (CLEAR in answer.body or CLEAR in repr(answer.headers).encode()):
            self.accuse(f"{asked}: a masked value in clear: {answer.body[:300]!r}")
        if not answer.worker:
            self.accuse(f"{asked}: {status} without Exchange-Worker")
        if status >= 400:
            self._look_at_refusal(asked, answer, code)

    def _look_at_refusal(self, asked: str, answer: Answer, code: str) -> None:
        problem = answer.headers.get("content-type", "").startswith("application/problem+json")
        if not (problem and code):
            self.accuse(f"{asked}: {answer.status} without a problem body: {answer.body[:300]!r}")
        if answer.status >= 500 and answer.status != 503:
            self.accuse(f"{asked}: {answer.status} {answer.body[:300]!r}")
        if answer.status in (429, 503) and not answer.headers.get("retry-after", "").isdigit():
            self.accuse(f"{asked}: {answer.status} without Retry-After")


class Line:
    """A connection that is opened when needed; a request on it is asked once, never repeated."""

    def __init__(self, address: Address, watch: Watch, token: str, *, masked: bool = False) -> None:
        self._address = address
        self.watch = watch
        self._token = token
        self._masked = masked
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        """Return the answer; raises Lost. Names of headers with `_` for `-`."""
        asked = f"{method} {target[:80]}"
        began = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                writer = await self.send(method, target, body, len(body), **headers)
                await writer.drain()
                answer = await self._receive()
        except TimeoutError as error:
            self.drop()
            self.watch.accuse_of_lateness(
                f"{asked}: no answer within {ANSWER_SECONDS:.0f} s", began
            )
            raise Lost from error
        except (OSError, EOFError, ValueError) as error:
            self.drop()
            self.watch.lost += 1
            raise Lost from error
        except asyncio.CancelledError:
            self.drop()
            raise
        self.watch.look(asked, answer, masked=self._masked)
        if answer.headers.get("connection") == "close":
            self.drop()
        return answer

    async def send(
        self, method: str, target: str, body: bytes, length: int, **headers: str
    ) -> asyncio.StreamWriter:
        """Write a request whose body is said to have `length` bytes; raises OSError."""
        if self._streams is None:
            async with asyncio.timeout(CONNECT_SECONDS):
                self._streams = await asyncio.open_connection(
                    self._address.any_host(), self._address.port, limit=LINE_LIMIT
                )
        named = {
            "Host": "faults",
            "Authorization": f"Bearer {self._token}",
            "Content-Length": str(length),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        _reader, writer = self._streams
        writer.write(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        return writer

    async def take(self, size: int) -> bytes:
        """Return up to `size` bytes of whatever comes; raises OSError."""
        assert self._streams is not None
        return await self._streams[0].read(size)

    async def _receive(self) -> Answer:
        assert self._streams is not None
        reader, _writer = self._streams
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:-2])
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(head[0].split(" ")[1]), headers, body, time.monotonic())

    def drop(self) -> None:
        """Close the connection at once, whatever is under way on it."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None
