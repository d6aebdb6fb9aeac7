"""The gateway's connection with an application of its own: sockets, and nothing else."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn

from gateway.hot.request import HotRequest
from gateway.http.asgi import Receive, Scope, Send
from gateway.http.connection import Connection
from gateway.http.cycle import Handle, HotApp
from gateway.http.outflow import ClientGoneError
from kernel import leaving
from kernel.errors import Forbidden, ShuyuanError
from kernel.logging import correlation_id
from tests.support.eventually import eventually
from tests.support.processes import free_port

MEBI = 1024 * 1024
BIG = b"x" * 16 * MEBI
KEEP_ALIVE_SECONDS = 1
MEDIA = b"content-type: text/plain\r\n"
Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Doors(HotApp):
    """`/hot/…` is hot, however it is written; anything else is cold and goes over ASGI."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.carried_by: list[str] = []
        self.left = 0
        self.admitted = True
        self.scopes: list[Scope] = []
        self.refused: list[str] = []

    def route(self, _method: str, path: str) -> tuple[Handle, str] | None:
        return (self._answer, path[5:]) if path.startswith("/hot/") else None

    async def run(self, handle: Handle, thing_id: str, exchange: HotRequest) -> None:
        self.carried_by.append(type(exchange).__name__)
        correlation_id.set(exchange.correlation)
        try:
            await handle(thing_id, exchange)
        except ShuyuanError as error:
            self.refused.append(error.code)
            await exchange.refuse(error)

    async def _answer(self, what: str, exchange: HotRequest) -> None:
        exchange.belongs_to("greedy")
        if what == "fails":
            raise KeyError(what)
        if what in {"waits", "waits-big"}:
            await self.open.wait()
        body = what.encode()
        if what == "echo":
            body = await self._body(exchange)
        if what.endswith("big"):
            body = BIG
        await exchange.answer(200, MEDIA, body, self.may_leave)
        if what == "twice":
            await exchange.answer(200, MEDIA, body)

    async def _body(self, exchange: HotRequest) -> bytes:
        parts: list[bytes] = []
        try:
            incoming = exchange.incoming
            whole = incoming.complete
            parts.append(incoming.take())
            while not whole:
                whole = await incoming.more()
                parts.append(incoming.take())
        except ClientGoneError:
            self.left += 1
        return b"".join(parts)

    def may_leave(self) -> None:
        if not self.admitted:
            raise Forbidden

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        path = scope["path"]
        if path == "/fails":
            raise KeyError(path)
        if path in {"/waits", "/changes"}:
            if path == "/changes":
                leaving.begin()
            try:
                await self.open.wait()
            except asyncio.CancelledError:
                self.left += 1
                raise
        if path == "/echo":
            await self._echo(receive, send)
            return
        if path == "/streams":
            await self._stream(send)
            return
        body = BIG if path == "/big" else path.encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _echo(self, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            body += message.get("body", b"")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(5):
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
        await send({"type": "http.response.body", "body": b"."})


class Served:
    """A server of the doors, and connections to it."""

    def __init__(self, **options: int | str | bool) -> None:
        self.doors = Doors()
        self.port = free_port()
        usual = {"access_log": False, "proxy_headers": False, "log_level": "info"}
        config = uvicorn.Config(
            self.doors,
            port=self.port,
            http="gateway.http.connection:Connection",
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=5,
            **{**usual, **options},  # type: ignore[arg-type]
        )
        self.server = uvicorn.Server(config)

    @property
    def connections(self) -> list[Connection]:
        return [each for each in self.server.server_state.connections if type(each) is Connection]

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Opened]:
        async with asyncio.timeout(120):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                yield reader, writer
            finally:
                writer.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Served"]:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(self.server, "capture_signals", contextlib.nullcontext)
            serving = asyncio.create_task(self.server.serve())
            await eventually(lambda: self.server.started)
            yield self
            self.server.should_exit = self.server.force_exit = True
            await serving

    @contextlib.asynccontextmanager
    async def unread(self, request: bytes) -> AsyncIterator[socket.socket]:
        """Send a request on a socket with little room, from which nobody reads."""
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", self.port))
            await loop.sock_sendall(client, request)
            yield client


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
