"""Names of hosts: resolved once for a call, by threads that nothing else waits for."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

from kernel import clock
from kernel.outbound.addresses import Address, plain

THREADS: Final = 8
KNOWN_SECONDS: Final = 5.0
KNOWN_MAX: Final = 2_000


class Names:
    """Resolves names. What it returns is to be tested and connected to, never resolved again."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="outbound-names")
        self._known: dict[str, tuple[float, tuple[Address, ...]]] = {}

    async def addresses(self, host: str) -> Sequence[Address]:
        """Return every address of a host, or the one that it spells; raises OSError."""
        try:
            return (plain(host),)
        except ValueError:
            pass
        now = clock.monotonic()
        known_until, known = self._known.get(host, (0.0, ()))
        if known_until > now:
            return known
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _resolve, host)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[host] = (now + KNOWN_SECONDS, found)
        return found

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


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
