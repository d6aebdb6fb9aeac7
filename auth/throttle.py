"""How long somebody must wait after failed sign-ins; pure.

Failures are counted by name and source, so that nobody can lock another out from elsewhere, and
the names that failed from one source are counted too, so that one password tried on many names is
slow. A browser that the person signed in with before is a source of its own (device cookies:
OWASP, Slow Down Online Guessing Attacks with Device Cookies).
"""

from datetime import datetime, timedelta

FREE_FAILURES = 5
# A wrong secret is no guess at 256 bits but a mistake in a configuration, which repeats.
FREE_SECRETS = 10
FIRST_WAIT_SECONDS = 15
WAIT_MAX_SECONDS = 900
# Others may sit behind the same address.
SOURCE_WAIT_MAX_SECONDS = 60
FORGET_AFTER = timedelta(hours=1)
DOUBLINGS_MAX = 10
# Each of the first ones is told in the audit log, then one for each doubling.
TOLD_ALL = 5


def wait_seconds(
    failures: int,
    last_at: datetime,
    now: datetime,
    *,
    free: int = FREE_FAILURES,
    most: int = WAIT_MAX_SECONDS,
) -> int:
    """Return how long to wait still: 15 s after `free` failures, doubling up to `most`."""
    if failures < free:
        return 0
    doublings = min(failures - free, DOUBLINGS_MAX)
    wait = min(FIRST_WAIT_SECONDS * 2**doublings, most)
    left = last_at + timedelta(seconds=wait) - now
    return max(0, -(-left // timedelta(seconds=1)))


def is_told(failures: int) -> bool:
    """Whether this failure of an hour is told by an event of its own (P8, bounded)."""
    return failures <= TOLD_ALL or failures & (failures - 1) == 0
