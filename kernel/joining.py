"""A large text put together piece by piece: at once 8 MiB hold the loop for 5 ms (P9)."""

from collections import deque
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Final

from kernel.turns import Steps

JOINED_AT_ONCE: Final = 512 * 1024
"""About 0.3 ms where the memory has to be fetched."""


def joining(parts: Iterable[bytes], size: int) -> Steps[bytes]:
    """Put pieces together that have `size` bytes in all: a large text a piece a step."""
    if size <= JOINED_AT_ONCE:
        return b"".join(parts)
    # It has its size from the start: one that grows is moved again and again.
    text = BytesIO(bytes(size))
    for part in parts:
        text.write(part)
        yield
    return text.getvalue()


def used_up(parts: deque[bytes]) -> Iterator[bytes]:
    """The pieces, each kept no longer than it takes."""
    while parts:
        yield parts.popleft()
