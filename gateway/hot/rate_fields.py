"""`RateLimit` fields of hot answers (draft-ietf-httpapi-ratelimit-headers-10, ADR 0015)."""

from exchange.delivery.errors import Day
from exchange.metering.rates.gate import Buckets
from kernel.clock import monotonic

POLICY, STATE = b"ratelimit-policy", b"ratelimit"
_LINES = POLICY + b": %b\r\n" + STATE + b": %b\r\n"


def fields(buckets: Buckets, day: Day | None = None) -> bytes:
    """Return the lines that tell what the limits are and what is left of them, those of the day.

    A bucket's window is the time in which it fills, so that `q` over `w` is its rate, rounded down.
    """
    if not buckets:
        return b""
    now = monotonic()
    first = buckets[0]
    if len(buckets) == 1:
        policy = first.policy
        state = first.state % first.left(now)
    else:
        _first, second = buckets
        policy = first.policy + b", " + second.policy
        state = b"%b, %b" % (first.state % first.left(now), second.state % second.left(now))
    if day is not None:
        policy += b', "day";q=%d;w=86400' % day.quota
        state += b', "day";r=%d;t=%d' % (day.left, day.seconds)
    return _LINES % (policy, state)
