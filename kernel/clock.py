"""The only reader of the time."""

import time
from datetime import UTC, datetime

monotonic = time.monotonic
epoch = time.time


def now() -> datetime:
    return datetime.now(UTC)
