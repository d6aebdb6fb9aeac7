"""A breaker for each host of each worker: who fails again and again is left alone for a while."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from exchange.services.errors import ServiceOpen

FAILURES: Final = 5
OPEN_SECONDS: Final = 30.0
HOSTS_MAX: Final = 10_000


@dataclass(slots=True)
class _Host:
    failures: int = 0
    open_until: float = 0.0
    probing: bool = False


class Breaker:
    """After FAILURES in a row a host is not called; then one call tries whether it is back."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    def enter(self, host: str) -> None:
        """Raise ServiceOpen where the host is not to be called now."""
        state = self._hosts.get(host)
        if state is None or state.failures < FAILURES:
            return
        left = state.open_until - self._now()
        if left > 0 or state.probing:
            raise ServiceOpen(retry_after_seconds=max(1, round(left)))
        state.probing = True

    def succeeded(self, host: str) -> None:
        self._hosts.pop(host, None)

    def failed(self, host: str) -> None:
        state = self._hosts.setdefault(host, _Host())
        self._hosts.move_to_end(host)
        state.failures += 1
        state.probing = False
        if state.failures >= FAILURES:
            state.open_until = self._now() + OPEN_SECONDS
        if len(self._hosts) > HOSTS_MAX:
            self._hosts.popitem(last=False)

    def left(self, host: str) -> None:
        """A call ended without a verdict: another one may try."""
        state = self._hosts.get(host)
        if state is not None:
            state.probing = False
