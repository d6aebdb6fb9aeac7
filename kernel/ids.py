"""Opaque, time-ordered ids: UUID version 7 (RFC 9562) as 32 hex digits."""

import os
import time


def new_id() -> str:
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds << 80) | random
    value = (value & ~(0xF000 << 64)) | (0x7000 << 64)
    value = (value & ~(0xC000 << 48)) | (0x8000 << 48)
    return f"{value:032x}"
