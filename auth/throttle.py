"""How long a name must wait after failed sign-ins; pure."""

from datetime import datetime, timedelta

FREE_FAILURES = 5
FIRST_WAIT_SECONDS = 15
WAIT_MAX_SECONDS = 900
FORGET_AFTER = timedelta(hours=1)


def wait_seconds(failures: int, last_at: datetime, now: datetime) -> int:
    """Return how long to wait still: 15 s after five failures, doubling up to 15 minutes."""
    if failures < FREE_FAILURES:
        return 0
    doublings = min(failures - FREE_FAILURES, 10)
    wait = min(FIRST_WAIT_SECONDS * 2**doublings, WAIT_MAX_SECONDS)
    left = last_at + timedelta(seconds=wait) - now
    return max(0, -(-left // timedelta(seconds=1)))
