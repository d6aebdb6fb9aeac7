"""The one HTTP client for calls to departments: guarded, bounded, never redirected.

A name is resolved once, every address of it is tested against the caller's networks, and the
tested address is connected to, under the name's `Host` and TLS name. Redirects are answers like
others, proxies of the environment are not used, nothing is decompressed, no cookie is kept.
"""

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp.connector import Connection
from aiohttp.typedefs import LooseHeaders

from kernel.outbound.addresses import Address, Network, Rule
from kernel.outbound.errors import OutboundError, Reason
from kernel.outbound.names import Names, is_of_this_machine
from kernel.outbound.own import Own
from kernel.outbound.target import Target
from kernel.settings import Settings
from kernel.tls import Files

CONNECTIONS: Final = 1024
# Who waits for one of them longer than it takes to connect counts as not connected.
CONNECTIONS_PER_HOST: Final = 128
# A receiver that closes what idles closes it later than this: a request would be lost on it.
KEEP_SECONDS: Final = 4.0
TRIED_ADDRESSES: Final = 3
HEAD_FIELD_MAX: Final = 16 * 1024
CHUNK_BYTES: Final = 64 * 1024
USER_AGENT: Final = "Shuyuan"

# The transports that a call of this task has written to.
_USED: ContextVar[list[asyncio.Transport] | None] = ContextVar("outbound_transports", default=None)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: to connect, to the end of the answer's head, between bytes, and for everything."""

    connect: float = 2.0
    first_byte: float = 10.0
    idle: float = 30.0
    total: float | None = None


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """`networks` are those in which whoever named the URL may be called."""

    method: str
    url: str
    networks: Collection[Network]
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | AsyncIterable[bytes] | None = field(default=None, repr=False)
    deadlines: Deadlines = field(default_factory=Deadlines)


class OutboundResponse:
    """An answer whose head has come; its body is read in pieces, as it is."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.close = response.close
        self.status = response.status
        self.headers = response.headers

    @property
    def is_whole(self) -> bool:
        """Whether the body has been read to its end: the connection serves the next call."""
        return self._response.content.at_eof()

    async def chunks(self, most: int) -> AsyncIterator[bytes]:
        """Yield the body; raises OutboundError, `body_too_large` beyond `most` bytes."""
        length = self._response.content_length
        if length is not None and length > most:
            raise OutboundError(Reason.BODY_TOO_LARGE)
        size = 0
        async for chunk in self._pieces():
            size += len(chunk)
            if size > most:
                raise OutboundError(Reason.BODY_TOO_LARGE)
            yield chunk

    async def read(self, most: int) -> bytes:
        """Return the whole body; raises OutboundError, `body_too_large` beyond `most` bytes."""
        return b"".join([chunk async for chunk in self.chunks(most)])

    async def beginning(self, most: int) -> bytes:
        """Return the first bytes of the body, `most` of them; raises OutboundError."""
        body = b""
        async for chunk in self._pieces():
            body += chunk
            if len(body) >= most:
                break
        return body[:most]

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_chunked(CHUNK_BYTES):
                yield chunk
        except aiohttp.SocketTimeoutError as error:
            raise OutboundError(Reason.IDLE_TIMEOUT) from error
        except (aiohttp.ClientError, OSError) as error:
            raise OutboundError(Reason.BROKEN, type(error).__name__) from error


class _Request(aiohttp.ClientRequest):
    """A request that says which transport it is written to."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        used = _USED.get()
        if used is not None and conn.transport is not None:
            used.append(conn.transport)
        return await super().send(conn)


class Outbound:
    """Calls of one process; closed when it ends. Made anywhere, used in one event loop."""

    def __init__(
        self,
        rule: Rule,
        own: Own,
        *,
        clear_text: bool = False,
        authority: Path | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        self._rule = rule
        self._own = own
        self._clear_text = clear_text
        self._authority = authority
        self._connections = connections
        self._names = Names()
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Outbound":
        return cls(
            Rule.of(settings),
            Own.of(settings),
            clear_text=settings.allows_clear_text,
            authority=settings.outbound_ca_file,
        )

    @asynccontextmanager
    async def call(self, request: OutboundRequest) -> AsyncIterator[OutboundResponse]:
        """Send a request and yield its answer once the head has come; raises OutboundError.

        Whatever ends the block, the connection goes back whole, or it is cut off at once: neither
        a body that nobody reads nor bytes that nobody takes may hold it.
        """
        used: list[asyncio.Transport] = []
        token = _USED.set(used)
        response: OutboundResponse | None = None
        try:
            async with _total(request.deadlines.total):
                response = OutboundResponse(await self._sent(request))
                yield response
        finally:
            _USED.reset(token)
            if response is None or not response.is_whole:
                for transport in used:
                    transport.abort()
            if response is not None:
                response.close()

    async def addresses(self, url: str, networks: Collection[Network]) -> Sequence[Address]:
        """Return the addresses that a URL would be called at; raises OutboundError."""
        return await self._tested(self._target(url), networks, Deadlines().connect)

    async def close(self) -> None:
        session, self._session = self._session, None
        self._names.close()
        if session is not None:
            await session.close()

    def _target(self, url: str) -> Target:
        return Target.of(url, clear_text=self._clear_text)

    async def _sent(self, request: OutboundRequest) -> aiohttp.ClientResponse:
        """Try the addresses in turn, as long as nothing was sent to one."""
        target = self._target(request.url)
        addresses = await self._tested(target, request.networks, request.deadlines.connect)
        *others, last = addresses[:TRIED_ADDRESSES]
        for address in others:
            try:
                return await self._sent_to(address, target, request)
            except OutboundError as error:
                if error.reason not in (Reason.CONNECT_FAILED, Reason.CONNECT_TIMEOUT):
                    raise
        return await self._sent_to(last, target, request)

    async def _tested(
        self, target: Target, networks: Collection[Network], seconds: float
    ) -> Sequence[Address]:
        """Return the addresses of a target, each of which may be called."""
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._names.addresses(target.host)
                refused = [
                    each for each in addresses if not await self._may(each, target, networks)
                ]
        except OSError as error:
            # A name server that is silent, too.
            raise OutboundError(Reason.NAME_UNKNOWN, target.host) from error
        if refused:
            raise OutboundError(Reason.ADDRESS_REFUSED, f"{target.host}: {refused[0]}")
        if not addresses:
            raise OutboundError(Reason.NAME_UNKNOWN, target.host)
        return addresses

    async def _may(self, address: Address, target: Target, networks: Collection[Network]) -> bool:
        is_allowed = self._rule.allows(address, networks)
        return is_allowed and not await self._is_own(address, target.port)

    async def _is_own(self, address: Address, port: int) -> bool:
        """Whether the address is one of the platform's own machine, or one of its servers."""
        if not self._rule.loopback and is_of_this_machine(address):
            return True
        return await self._own.has(address, port, self._names)

    async def _sent_to(
        self, address: Address, target: Target, request: OutboundRequest
    ) -> aiohttp.ClientResponse:
        deadlines = request.deadlines
        timeout = aiohttp.ClientTimeout(
            total=None,
            connect=deadlines.connect,
            sock_connect=deadlines.connect,
            sock_read=deadlines.idle,
        )
        try:
            async with asyncio.timeout(deadlines.connect + deadlines.first_byte):
                return await self._opened().request(
                    request.method,
                    target.at(address),
                    headers=_head(target, request),
                    data=request.body,
                    timeout=timeout,
                    server_hostname=target.server_name,
                    allow_redirects=False,
                )
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise _told(error) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = Files("OUTBOUND", self._authority).context()
            self._session = aiohttp.ClientSession(
                connector=_connector(context, self._connections),
                request_class=_Request,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                auto_decompress=False,
                trust_env=False,
                max_line_size=HEAD_FIELD_MAX,
                max_field_size=HEAD_FIELD_MAX,
            )
        return self._session


def _connector(context: ssl.SSLContext, connections: int) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(
        ssl=context,
        limit=connections,
        limit_per_host=min(connections, CONNECTIONS_PER_HOST),
        keepalive_timeout=KEEP_SECONDS,
        use_dns_cache=False,
    )


def _head(target: Target, request: OutboundRequest) -> LooseHeaders:
    given = {name.lower() for name, _ in request.headers}
    usual = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    added = [(name, value) for name, value in usual.items() if name.lower() not in given]
    rest = [(name, value) for name, value in request.headers if name.lower() != "host"]
    return [("Host", target.authority), *added, *rest]


def _told(error: Exception) -> OutboundError:
    """Return what an error of the library means; the more particular ones first."""
    kinds: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Reason], ...] = (
        (aiohttp.ConnectionTimeoutError, Reason.CONNECT_TIMEOUT),
        (aiohttp.SocketTimeoutError, Reason.FIRST_BYTE_TIMEOUT),
        ((aiohttp.ClientSSLError, ssl.SSLError), Reason.TLS_FAILED),
        (aiohttp.ClientConnectorError, Reason.CONNECT_FAILED),
        (TimeoutError, Reason.FIRST_BYTE_TIMEOUT),
        (aiohttp.InvalidURL, Reason.URL_REFUSED),
        (ValueError, Reason.URL_REFUSED),
    )
    reason = next((each for kind, each in kinds if isinstance(error, kind)), Reason.BROKEN)
    return OutboundError(reason, type(error).__name__)


@asynccontextmanager
async def _total(seconds: float | None) -> AsyncIterator[None]:
    """Bound a block; raises OutboundError (`total_timeout`)."""
    bound = asyncio.timeout(seconds)
    try:
        async with bound:
            yield
    except TimeoutError as error:
        if not bound.expired():
            raise
        raise OutboundError(Reason.TOTAL_TIMEOUT) from error
