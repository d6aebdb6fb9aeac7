"""Ports on the loopback: the usual one, else a free one that the state directory remembers."""

import random
import socket
import threading
from collections.abc import Collection
from pathlib import Path

from deploy.local.files import read_json, write_json
from deploy.local.wording import LocalError

HOST = "127.0.0.1"
# Below Linux's ephemeral range (32768), so that no outgoing connection takes a remembered port.
SEARCHED = range(20000, 32000)
SEARCHES = 200


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


class PortBook:
    """The ports of one state directory; down and up again keeps them while they are free."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def get(self, name: str) -> int | None:
        port = read_json(self._path).get(name)
        return port if isinstance(port, int) else None

    def choose(self, name: str, usual: int = 0) -> int:
        """Take the remembered port, else the usual one, else any free one, and remember it."""
        with self._lock:
            book = read_json(self._path)
            known = (book.get(name), usual)
            port = next((p for p in known if isinstance(p, int) and p and is_free(p)), None)
            book[name] = port or any_free(set(book.values()))
            write_json(self._path, book)
            return int(book[name])


def any_free(reserved: Collection[object] = ()) -> int:
    """Return a free port that nobody else is likely to choose; raises LocalError."""
    chooser = random.SystemRandom()
    for _ in range(SEARCHES):
        port = chooser.choice(SEARCHED)
        if port not in reserved and is_free(port):
            return port
    raise LocalError(
        f"在 {HOST} 上找不到空闲端口；请检查本机是否允许监听回环地址。",
        f"No free port on {HOST}; check that this machine may listen on the loopback.",
    )
