"""Opaque, time-ordered ids: UUID version 7 (RFC 9562) as 32 hex digits."""

import os
import time

# Below the 48 bits of the time: four bits say version 7, two the variant; the others are random.
_MARKS = 0x7000_8000_0000_0000_0000
_RANDOM = 0x0FFF_3FFF_FFFF_FFFF_FFFF
# The kernel is asked for the random part of so many ids at once.
_BYTES, _AT_ONCE = 10, 256


class _Random:
    """Random bytes at hand; a process that is forked takes none that another one may take."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._is_guarded = False

    def take(self) -> bytes:
        try:
            return self._parts.pop()
        except IndexError:
            return self._fetch()

    def _fetch(self) -> bytes:
        if not self._is_guarded:
            os.register_at_fork(after_in_child=self._parts.clear)
            self._is_guarded = True
        some = os.urandom(_BYTES * _AT_ONCE)
        self._parts.extend(some[at : at + _BYTES] for at in range(_BYTES, len(some), _BYTES))
        return some[:_BYTES]


_random = _Random()


def new_id() -> str:
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(_random.take(), "big") & _RANDOM
    return f"{(milliseconds << 80) | random | _MARKS:032x}"
