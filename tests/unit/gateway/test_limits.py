"""What `RateLimit` fields say, against the structured-field form of the IETF draft."""

import re

from exchange.delivery.errors import Day
from exchange.metering.rates.bucket import Allowance, Bucket
from gateway.hot import rate_fields as limits
from kernel.clock import monotonic

ITEM = r'"[a-z]+";q=\d+;w=\d+'
STATE = r'"[a-z]+";r=\d+;t=\d+'


def bucket(name: str, per_second: float, burst: int, taken: int = 0) -> Bucket:
    made = Bucket(name, Allowance(name, per_second, burst))
    for _ in range(taken):
        made.take(monotonic())
    return made


def told(*given: Bucket, day: Day | None = None) -> dict[str, str]:
    """Read the lines as a client does."""
    lines = limits.fields(given, day).decode().split("\r\n")
    assert lines.pop() == ""
    return dict(line.split(": ", 1) for line in lines)


def test_a_request_that_met_no_limit_is_told_none() -> None:
    assert limits.fields(()) == b""


def test_a_clients_limit_is_told_with_what_is_left() -> None:
    assert told(bucket("client", 0.5, 4, taken=1)) == {
        "ratelimit-policy": '"client";q=4;w=8',
        "ratelimit": '"client";r=3;t=2',
    }


def test_every_policy_stands_in_both_fields_in_one_order() -> None:
    buckets = (bucket("client", 200, 400), bucket("subscription", 50, 100, taken=200))
    policy, state = told(*buckets, day=Day(9, 4, 60)).values()
    assert re.fullmatch(f"{ITEM}, {ITEM}, {ITEM}", policy)
    assert re.fullmatch(f"{STATE}, {STATE}, {STATE}", state)
    assert policy.endswith('"day";q=9;w=86400')
    assert state.endswith('"day";r=4;t=60')
    assert '"subscription";r=0;' in state
