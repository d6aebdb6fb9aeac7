"""A hot request without a connection, whose answer is kept."""

import asyncio
from collections.abc import AsyncIterator

from gateway.hot.request import HotRequest
from gateway.http.incoming import Incoming
from gateway.http.outflow import Body, MayLeave, always, joined


class NoLine:
    """A connection that is read whether it wants to or not."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.told_to_go_on = 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def tell_to_go_on(self) -> None:
        self.told_to_go_on += 1


class KeptExchange(HotRequest):
    """`status`, `head` and `body` are those of the answer."""

    def __init__(
        self, path: str, headers: dict[bytes, bytes] | None = None, body: bytes | None = b""
    ) -> None:
        incoming = Incoming(NoLine(), expects=False)
        super().__init__(path, b"", headers or {}, incoming)
        if body is not None:
            incoming.feed(body)
            incoming.end()
        self.status = 0
        self.answered_with: dict[str, str] = {}
        self.body = b""

    async def send(
        self, status: int, head: bytes, body: Body, may_leave: MayLeave = always
    ) -> None:
        may_leave()
        self.status, self.body = status, joined(body)
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[:-1]]
        self.answered_with = dict(lines)

    async def stream(
        self, status: int, head: bytes, pieces: AsyncIterator[bytes], may_leave: MayLeave
    ) -> None:
        await self.send(status, head, b"".join([piece async for piece in pieces]), may_leave)

    @property
    def handed_on(self) -> int:
        return len(self.body)

    def belongs_to(self, holder: str) -> None:
        pass
