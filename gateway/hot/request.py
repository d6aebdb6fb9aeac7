"""One hot request and its answer, whoever carries them (gateway/http/cycle.py)."""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Mapping
from functools import cache
from urllib.parse import parse_qsl, quote

from auth.principal import Principal
from exchange.delivery.errors import Day
from exchange.metering.rates.gate import Buckets
from gateway import metrics
from gateway.bearer import bearer
from gateway.correlation import correlation_of
from gateway.hot import rate_fields as limits
from gateway.http.incoming import Incoming
from gateway.http.outflow import Body, MayLeave, always
from gateway.problems import in_english, problem
from gateway.validation import unknown_parameter
from gateway.worker import worker_name
from kernel.clock import monotonic
from kernel.errors import BadRequest, ShuyuanError, TooMany

QUERY_MAX = 4096
_PLAIN = re.compile(rb"[0-9A-Za-z_.~=&-]*")
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

Headers = dict[bytes, bytes]


@cache
def _marks() -> bytes:
    return (
        b"%%bexchange-worker: %b\r\nx-content-type-options: nosniff\r\n"
        b"exchange-correlation-id: %%b\r\n%%b"
    ) % worker_name().encode()


class HotRequest(ABC):
    """What came, and how to answer it; subclasses carry it.

    A head is lines of headers, each with its CR LF, of values that this process made: what a caller
    sent stands in none of them, the correlation id excepted, which `correlation_of` has checked.
    """

    __slots__ = (
        "answered_status",
        "buckets",
        "correlation",
        "day",
        "headers",
        "held_bytes",
        "incoming",
        "path",
        "principal",
        "query_string",
    )  # fmt: skip

    def __init__(
        self, path: str, query_string: bytes, headers: Headers, incoming: Incoming
    ) -> None:
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.incoming = incoming
        self.held_bytes = 0
        self.buckets: Buckets = ()
        self.day: Day | None = None
        self.principal: Principal | None = None
        self.answered_status = 0
        self.correlation = correlation_of(headers)

    @abstractmethod
    def send(
        self, status: int, head: bytes, body: Body, may_leave: MayLeave = always
    ) -> Awaitable[None]:
        """Send the whole answer while it may leave; raises what `may_leave` raises before that.

        Raises ClientGoneError where the client has left, CutShortError where the rest of what had
        begun may not leave any more.
        """

    @abstractmethod
    def stream(
        self, status: int, head: bytes, pieces: AsyncIterator[bytes], may_leave: MayLeave
    ) -> Awaitable[None]:
        """Send an answer as it is made; raises as `send`, and what the pieces raise before it.

        Once it has begun whatever goes wrong ends the connection: CutShortError.
        """

    @property
    @abstractmethod
    def handed_on(self) -> int:
        """Bytes of the body that have left this process."""

    @property
    def method(self) -> str:
        """The method, empty where nobody but the path tells it."""
        return ""

    @property
    def raw_path(self) -> bytes:
        """The address as it came, percent-encoded."""
        return quote(self.path).encode()

    @property
    def is_within_limits(self) -> bool:
        """Whether the client itself may ask: its own limit comes before everything else."""
        return not self.buckets or self.buckets[0].has_room(monotonic())

    @property
    def source(self) -> str | None:
        """The address that the request came from, where it is known."""
        return None

    @abstractmethod
    def belongs_to(self, holder: str) -> None:
        """Tell the connection whose answer it is that may wait there."""

    def query(self, *known: str) -> dict[str, str]:
        """Return the query parameters; BadRequest for an unknown, doubled or overlong one."""
        raw = self.query_string
        if not raw:
            return {}
        pairs = _pairs(raw[:QUERY_MAX])
        names = [name for name, _value in pairs]
        if len(raw) > QUERY_MAX or len(set(names)) < len(names) or not set(names) <= set(known):
            listed = ", ".join(known)
            unknown = [unknown_parameter(name) for name in names if name not in known]
            raise BadRequest(
                f"查询参数只能是 {listed}，各一次",
                f"Parameters: {listed}, once each",
                errors=unknown,
            )
        return dict(pairs)

    def token(self) -> bytes:
        """Return the bearer token; raises TokenMissing."""
        return bearer(self.headers)

    @property
    def wants_english(self) -> bool:
        return in_english(self.headers.get(b"accept-language", b"").decode("latin-1"))

    def answer(
        self, status: int, head: bytes, body: Body, may_leave: MayLeave = always
    ) -> Awaitable[None]:
        """Send an answer with the headers that every hot answer carries."""
        self.answered_status = status
        limit_fields = limits.fields(self.buckets, self.day)
        return self.send(
            status, _marks() % (head, self.correlation.encode(), limit_fields), body, may_leave
        )

    def answer_streaming(
        self, status: int, head: bytes, pieces: AsyncIterator[bytes], may_leave: MayLeave
    ) -> Awaitable[None]:
        """Send an answer as it is made, with the headers that every hot answer carries."""
        self.answered_status = status
        marks = _marks() % (head, self.correlation.encode(), limits.fields(self.buckets, self.day))
        return self.stream(status, marks, pieces, may_leave)

    async def refuse(self, error: ShuyuanError, status: int | None = None) -> None:
        if isinstance(error, TooMany):
            metrics.limited(error)
        status, headers, body = problem(
            error, instance=self.path, english=self.wants_english, status=status
        )
        await self.answer(status, lines(headers), body)


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    """Return names and values; most need no decoding, which would take four times as long."""
    text = raw.decode("latin-1")
    if not _PLAIN.fullmatch(raw):
        return parse_qsl(text, keep_blank_values=True)
    parts = [part.partition("=") for part in text.split("&") if part]
    return [(name, value) for name, _equals, value in parts]


def lines(headers: Mapping[str, str]) -> bytes:
    """Return a head; raises ValueError for a value that would end its line."""
    for name, value in headers.items():
        if _UNFIT.search(name + value):
            raise ValueError(f"unfit for a header: {name!r}")
    return "".join(
        f"{name.lower()}: {value}\r\n" for name, value in headers.items()
    ).encode("latin-1")  # fmt: skip
