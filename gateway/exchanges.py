"""One hot request and its answer, however they are carried (gateway/cycle.py, or plain ASGI)."""

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from auth.errors import TokenMissing
from exchange.delivery.errors import Day
from exchange.metering.rates.gate import Buckets
from gateway import limits, metrics
from gateway.edge import WORKER, Receive, Scope, Send, correlation_of
from gateway.problems import in_english, problem
from kernel.errors import BadRequest, ShuyuanError, TooMany

QUERY_MAX = 4096
BEARER = b"bearer "
# In a request's scope: whose answer it is.
HOLDER = "exchange.holder"
_MARKS = b"%%bexchange-worker: %b\r\nexchange-correlation-id: %%b\r\n%%b" % WORKER.encode()
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

Headers = dict[bytes, bytes]
Admission = Callable[[], None]


class ClientGoneError(Exception):
    """The client closed the connection before its request was taken."""


class Exchange(ABC):
    """What came, and how to answer it; subclasses carry it.

    A head is lines of headers, each with its CR LF, of values that this process made: what a caller
    sent stands in none of them, the correlation id excepted, which `correlation_of` has checked.
    """

    __slots__ = (
        "buckets", "complete", "correlation", "day", "headers", "held_bytes", "path",
        "query_string",
    )  # fmt: skip

    def __init__(self, path: str, query_string: bytes, headers: Headers) -> None:
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.complete = False
        self.held_bytes = 0
        self.buckets: Buckets = ()
        self.day: Day | None = None
        self.correlation = correlation_of(headers)

    @abstractmethod
    def take(self) -> bytes:
        """Return what came of the body since the last time; raises ClientGoneError."""

    @abstractmethod
    async def more(self) -> bool:
        """Wait until there is more to take; whether that is the last; raises ClientGoneError."""

    @abstractmethod
    def send(
        self, status: int, head: bytes, body: bytes, admission: Admission | None = None
    ) -> Awaitable[None]:
        """Send the whole answer, unless the client has left.

        `admission` is asked in the turn in which something of the body is handed on; what it
        raises is raised here while nothing of the answer was sent.
        """

    @abstractmethod
    def belongs_to(self, holder: str) -> None:
        """Tell the connection whose answer it is that may wait there."""

    def query(self, *known: str) -> dict[str, str]:
        """Return the query parameters; BadRequest for an unknown, doubled or overlong one."""
        raw = self.query_string
        if not raw:
            return {}
        pairs = parse_qsl(raw[:QUERY_MAX].decode("latin-1"), keep_blank_values=True)
        names = [name for name, _value in pairs]
        if len(raw) > QUERY_MAX or len(set(names)) < len(names) or not set(names) <= set(known):
            listed = ", ".join(known)
            raise BadRequest(f"查询参数只能是 {listed}，各一次", f"Parameters: {listed}, once each")
        return dict(pairs)

    def token(self) -> bytes:
        """Return the bearer token; raises TokenMissing."""
        value = self.headers.get(b"authorization", b"")
        if value[: len(BEARER)].lower() != BEARER:
            raise TokenMissing
        return value[len(BEARER) :].strip()

    @property
    def wants_english(self) -> bool:
        return in_english(self.headers.get(b"accept-language", b"").decode("latin-1"))

    def answer(
        self, status: int, head: bytes, body: bytes, admission: Admission | None = None
    ) -> Awaitable[None]:
        """Send an answer with the headers that every hot answer carries."""
        told = limits.fields(self.buckets, self.day)
        marked = _MARKS % (head, self.correlation.encode(), told)
        return self.send(status, marked, body, admission)

    async def refuse(self, error: ShuyuanError, status: int | None = None) -> None:
        if isinstance(error, TooMany):
            metrics.limited(error)
        status, headers, body = problem(
            error, instance=self.path, english=self.wants_english, status=status
        )
        await self.answer(status, lines(headers), body)


def lines(headers: Mapping[str, str]) -> bytes:
    """Return a head; raises ValueError for a value that would end its line."""
    for name, value in headers.items():
        if _UNFIT.search(name + value):
            raise ValueError(f"unfit for a header: {name!r}")
    return "".join(
        f"{name.lower()}: {value}\r\n" for name, value in headers.items()
    ).encode("latin-1")  # fmt: skip


class AsgiExchange(Exchange):
    """Over plain ASGI: what gateway/connections.py does not take, tests, and other servers."""

    __slots__ = ("_came", "_receive", "_scope", "_send")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope["path"], scope["query_string"], dict(scope["headers"]))
        self._scope = scope
        self._receive = receive
        self._send = send
        self._came = b""

    def take(self) -> bytes:
        came, self._came = self._came, b""
        return came

    async def more(self) -> bool:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        self._came += message.get("body", b"")
        self.complete = not message.get("more_body", False)
        return self.complete

    async def send(
        self, status: int, head: bytes, body: bytes, admission: Admission | None = None
    ) -> None:
        if admission is not None:
            admission()
        head += b"content-length: %d\r\n" % len(body)
        headers = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")[:-1]]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    def belongs_to(self, holder: str) -> None:
        self._scope[HOLDER] = holder
