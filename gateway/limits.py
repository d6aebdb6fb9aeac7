"""`RateLimit` fields of hot answers (draft-ietf-httpapi-ratelimit-headers-10, ADR 0015)."""

from collections.abc import Sequence

from exchange.delivery.errors import Day
from exchange.limits.bucket import Bucket
from kernel.clock import monotonic

POLICY, STATE = b"ratelimit-policy", b"ratelimit"

Header = tuple[bytes, bytes]


def fields(buckets: Sequence[Bucket], day: Day | None = None) -> list[Header]:
    """Return what the limits are and what is left of them; that of the day included.

    A bucket's window is the time in which it fills, so that `q` over `w` is its rate, rounded down.
    """
    if not buckets:
        return []
    now = monotonic()
    first = buckets[0]
    policy, state = first.policy, b'"%b";r=%d;t=%d' % (first.label, *first.left(now))
    for other in buckets[1:]:
        policy += b", " + other.policy
        state += b', "%b";r=%d;t=%d' % (other.label, *other.left(now))
    if day is not None:
        policy += b', "day";q=%d;w=86400' % day.quota
        state += b', "day";r=%d;t=%d' % (day.left, day.seconds)
    return [(POLICY, policy), (STATE, state)]
