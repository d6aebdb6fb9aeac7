"""Bytes that one worker holds for others: bodies under way, answers that nobody takes (P9)."""

from typing import Final

from kernel.errors import TooMany, Unavailable

MEBI = 1024 * 1024
# One holder may have this part of what all may.
SHARES = 4
# What callers that nobody knows may have, of what a worker may.
ANONYMOUS_PART = 8


class Untaken:
    """Answers on their way, until their clients took them."""

    def __init__(self, most_bytes: int = 256 * MEBI) -> None:
        self.most_bytes = most_bytes
        self.held_bytes = 0
        self._held_by: dict[str, int] = {}

    def require_room(self, holder: str) -> None:
        """Raise TooMany or Unavailable while too much of the holder's, or of all, is not taken."""
        if not self.held_bytes:
            return
        if self._held_by.get(holder, 0) > self.most_bytes // SHARES:
            raise TooMany(
                "本系统未取走的应答过多，请先读完再请求",
                "Too many answers of yours are not taken; read them first",
            )
        if self.held_bytes > self.most_bytes:
            raise Unavailable("本节点待取走的应答过多，请稍后重试", "Too much waits to be taken")

    def hold(self, holder: str, size: int) -> None:
        self.held_bytes += size
        self._held_by[holder] = self._held_by.get(holder, 0) + size

    def release(self, holder: str, size: int) -> None:
        self.held_bytes -= size
        remaining = self._held_by[holder] - size
        if remaining:
            self._held_by[holder] = remaining
        else:
            del self._held_by[holder]


class Bodies(Untaken):
    """Bodies on their way, from their first byte until their request is answered."""

    def hold(self, holder: str, size: int) -> None:
        """Count bytes that are there; raises TooMany or Unavailable where they are too many."""
        if not size:
            return
        super().hold(holder, size)
        if self._held_by[holder] > self.most_bytes // SHARES:
            raise TooMany("本系统在途数据过多，请稍后重试", "Too much of yours is under way")
        if self.held_bytes > self.most_bytes:
            raise Unavailable("本节点处理中的数据过多，请稍后重试", "Too much under way; try again")


# One process is one worker. What nobody knows never stands against what is known.
UNTAKEN: Final = Untaken()
UNTAKEN_ANONYMOUS: Final = Untaken(UNTAKEN.most_bytes // ANONYMOUS_PART)
BODIES: Final = Bodies()
BODIES_ANONYMOUS: Final = Bodies(BODIES.most_bytes // ANONYMOUS_PART)


def set_budgets(*, untaken_bytes: int, inflight_bytes: int) -> None:
    UNTAKEN.most_bytes = untaken_bytes
    UNTAKEN_ANONYMOUS.most_bytes = untaken_bytes // ANONYMOUS_PART
    BODIES.most_bytes = inflight_bytes
    BODIES_ANONYMOUS.most_bytes = inflight_bytes // ANONYMOUS_PART
