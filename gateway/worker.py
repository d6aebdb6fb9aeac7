"""The worker's name in answers: opaque, tells workers apart without telling machines apart."""

import os
import secrets
from functools import cache


@cache
def worker_name() -> str:
    """Return this process' name; first asked where it answers, so that no fork shares it."""
    return f"{secrets.token_hex(4)}-{os.getpid() & 0xFFFF:04x}"
