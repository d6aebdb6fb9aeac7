"""The body of one request on its way in: bounded while nobody takes it (P9)."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from gateway.http.outflow import ClientGoneError
from kernel.errors import ShuyuanError

# More than this is not read before what is there was taken.
UNREAD_BYTES = 64 * 1024


class BodyConnection(Protocol):
    """What a body needs of its connection."""

    loop: asyncio.AbstractEventLoop

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def tell_to_go_on(self) -> None: ...


class Incoming:
    """`complete` once all of it came, `gone` once its client has left."""

    __slots__ = (
        "_arrived",
        "_came",
        "_connection",
        "_failed",
        "_size",
        "complete",
        "expects",
        "gone",
        "on_leave",
    )  # fmt: skip

    def __init__(self, connection: BodyConnection, *, expects: bool) -> None:
        self._connection = connection
        self._came: list[bytes] = []
        self._size = 0
        self._arrived: asyncio.Future[None] | None = None
        self._failed: ShuyuanError | None = None
        self.complete = False
        # Whether the client waits to be told to go on before it sends the body.
        self.expects = expects
        self.gone = False
        self.on_leave: Callable[[], None] | None = None

    def feed(self, piece: bytes) -> None:
        """Keep a piece until it is taken, and stop reading when too much is there."""
        self.expects = False
        self._came.append(piece)
        self._size += len(piece)
        if self._size > UNREAD_BYTES:
            self._connection.pause_reading()
        self._wake()

    def end(self) -> None:
        self.complete = True
        self.expects = False
        self._wake()

    def fail(self, error: ShuyuanError) -> None:
        """Let whoever reads the body meet what is wrong with it."""
        self._failed = error
        self._came.clear()
        self._wake()

    def leave(self) -> None:
        """Tell whoever answers that nobody waits for it any more."""
        self.gone = True
        self._came.clear()
        self._wake()
        if self.on_leave is not None:
            self.on_leave()

    def drop(self) -> None:
        """Forget what nobody took."""
        self._came.clear()
        self._size = 0

    def _wake(self) -> None:
        arrived = self._arrived
        if arrived is not None and not arrived.done():
            arrived.set_result(None)

    def take(self) -> bytes:
        """Return what came since the last time; raises ClientGoneError."""
        self._check()
        came = self._came
        body = came[0] if len(came) == 1 else b"".join(came)
        self.drop()
        # Also with the whole body here: a client that leaves is noticed only by reading.
        self._connection.resume_reading()
        return body

    async def more(self) -> bool:
        """Wait until there is more to take; whether that is the last.

        Raises ClientGoneError, and what is wrong with a body that cannot be read.
        """
        if not (self._came or self.complete or self.gone or self._failed):
            if self.expects:
                self.expects = False
                self._connection.tell_to_go_on()
            self._connection.resume_reading()
            await self._change()
        self._check()
        return self.complete

    def _check(self) -> None:
        if self.gone:
            raise ClientGoneError
        if self._failed is not None:
            raise self._failed

    async def left(self) -> None:
        """Return when the client has left."""
        while not self.gone:
            await self._change()

    async def _change(self) -> None:
        self._arrived = self._connection.loop.create_future()
        await self._arrived
