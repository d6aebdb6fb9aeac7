"""Names of hosts: resolved once for a call, by threads that nothing else waits for."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final, NamedTuple

from kernel import clock
from kernel.outbound.addresses import Address, plain

THREADS: Final = 32
"""Names whose name servers are silent, each of which holds one thread for many seconds."""
KNOWN_SECONDS: Final = 5.0
STALE_SECONDS: Final = 600.0
"""For so long a name whose name server is silent is called where it was."""
PATIENCE_SECONDS: Final = 0.5
KNOWN_MAX: Final = 2_000


class _Known(NamedTuple):
    since: float
    addresses: tuple[Address, ...]


class Names:
    """Resolves names. What it returns is to be tested and connected to, never resolved again.

    All who ask for one name wait for one thread: a silent name server once held every thread by
    the calls of one receiver, and nobody else's name was resolved (P9).
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="outbound-names")
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Future[tuple[Address, ...]]] = {}

    async def addresses(self, host: str) -> Sequence[Address]:
        """Return every address of a host, or the one that it spells; raises OSError."""
        try:
            return (plain(host),)
        except ValueError:
            pass
        known = self._known.get(host)
        age = STALE_SECONDS if known is None else clock.monotonic() - known.since
        if known is not None and age < KNOWN_SECONDS:
            return known.addresses
        asking = self._asking.get(host) or self._ask(host)
        if known is None or age >= STALE_SECONDS:
            return await asyncio.shield(asking)
        await asyncio.wait((asking,), timeout=PATIENCE_SECONDS)
        return asking.result() if asking.done() else known.addresses

    def _ask(self, host: str) -> "asyncio.Future[tuple[Address, ...]]":
        asking = asyncio.get_running_loop().run_in_executor(self._threads, _resolve, host)
        self._asking[host] = asking
        asking.add_done_callback(lambda done: self._answered(host, done))
        return asking

    def _answered(self, host: str, done: "asyncio.Future[tuple[Address, ...]]") -> None:
        self._asking.pop(host, None)
        if done.cancelled() or done.exception() is not None:
            return
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[host] = _Known(clock.monotonic(), done.result())

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for asking in list(self._asking.values()):
            asking.cancel()


def _resolve(host: str) -> tuple[Address, ...]:
    try:
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host!r} is not a name") from error
    return tuple(dict.fromkeys(plain(str(row[4][0])) for row in rows))


def is_of_this_machine(address: Address) -> bool:
    """Whether an interface of this machine has the address: nobody binds to another's."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IP's
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
