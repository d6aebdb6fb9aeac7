"""A reader that takes its pages slowly, across suspensions: what waits for it must not leave."""

import asyncio
import socket
import time
from contextlib import suppress

from tests.faults.campaign.supervision import STOPS_WITHIN_SECONDS, Ban, Supervision

RECEIVE_BYTES = 16 * 1024
SIP_BYTES, SIP_SECONDS = 2 * 1024, 0.1
ROUND_SECONDS = 12.0
PAGES = 2
# What a connection may have handed to the kernel and not seen taken (P3), and what the two
# kernel buffers of the loopback may hold beside that.
UNTAKEN_BYTES = 256 * 1024
KERNEL_BYTES = 4 * RECEIVE_BYTES
IDLE_SECONDS = 1.0


class Dawdler:
    """Asks for large pages of the subscription that is suspended now and then, and sips."""

    def __init__(self, supervision: Supervision) -> None:
        self._supervision = supervision

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with suppress(OSError, TimeoutError), socket.socket() as taken:
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
                taken.setblocking(False)
                await self._round(taken, stop)
            await asyncio.sleep(SIP_SECONDS)

    async def _round(self, taken: socket.socket, stop: asyncio.Event) -> None:
        """Ask for pages and sip; once it is suspended for long enough, see how much still comes."""
        loop = asyncio.get_running_loop()
        address = self._supervision.address
        await loop.sock_connect(taken, (address.any_host(), address.port))
        await loop.sock_sendall(taken, self._request() * PAGES)
        ends_at = time.monotonic() + ROUND_SECONDS
        while time.monotonic() < ends_at and not stop.is_set():
            ban = self._ban()
            if ban is not None:
                await self._drain(taken, ban)
                return
            async with asyncio.timeout(IDLE_SECONDS):
                if not await loop.sock_recv(taken, SIP_BYTES):
                    return
            await asyncio.sleep(SIP_SECONDS)

    def _request(self) -> bytes:
        scene = self._supervision.scene
        return (
            f"GET /v1/subscriptions/{scene.grants['suspended'].id}/records?limit=10000 HTTP/1.1\r\n"
            f"Host: faults\r\nAuthorization: Bearer {scene.reader}\r\n\r\n"
        ).encode()

    def _ban(self) -> Ban | None:
        """Return the suspension that has held for so long that nothing may leave."""
        bans = self._supervision.bans
        now = time.monotonic()
        if not bans or now > bans[-1].ends_at:
            return None
        excused = self._supervision.watch.pulse.worst(bans[-1].known_at, now)
        held = now - bans[-1].known_at > STOPS_WITHIN_SECONDS + excused
        return bans[-1] if held else None

    async def _drain(self, taken: socket.socket, ban: Ban) -> None:
        """Take all that still comes: no more than was in the kernel's hands already."""
        loop, drained = asyncio.get_running_loop(), 0
        with suppress(OSError, TimeoutError):
            while time.monotonic() < ban.ends_at:
                async with asyncio.timeout(IDLE_SECONDS):
                    some = await loop.sock_recv(taken, RECEIVE_BYTES)
                if not some:
                    break
                drained += len(some)
        if drained > UNTAKEN_BYTES + KERNEL_BYTES:
            self._supervision.watch.accuse(
                f"a slow reader took {drained} bytes more than {STOPS_WITHIN_SECONDS:.0f} s after "
                "the suspension was acknowledged"
            )
