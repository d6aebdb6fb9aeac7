"""Opaque, time-ordered ids: UUID version 7 (RFC 9562) as 32 hex digits."""

import os
import time

# Below the 48 bits of the time: four bits say version 7, two the variant; the others are random.
_MARKS = 0x7000_8000_0000_0000_0000
_RANDOM = 0x0FFF_3FFF_FFFF_FFFF_FFFF


def new_id() -> str:
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big") & _RANDOM
    return f"{(milliseconds << 80) | random | _MARKS:032x}"
