"""What `RateLimit` fields say, against the structured-field form of the IETF draft."""

import re

from exchange.delivery.errors import Day
from exchange.limits.bucket import Allowance, Bucket
from gateway import limits
from kernel.clock import monotonic

ITEM = r'"[a-z]+";q=\d+;w=\d+'
STATE = r'"[a-z]+";r=\d+;t=\d+'


def bucket(name: str, per_second: float, burst: int, taken: int = 0) -> Bucket:
    made = Bucket(name, Allowance(name, per_second, burst))
    for _ in range(taken):
        made.take(monotonic())
    return made


def test_a_request_that_met_no_limit_is_told_none() -> None:
    assert limits.fields(()) == []


def test_a_clients_limit_is_told_with_what_is_left() -> None:
    fields = dict(limits.fields((bucket("client", 0.5, 4, taken=1),)))
    assert fields == {
        b"ratelimit-policy": b'"client";q=4;w=8',
        b"ratelimit": b'"client";r=3;t=2',
    }


def test_every_policy_stands_in_both_fields_in_one_order() -> None:
    buckets = (bucket("client", 200, 400), bucket("subscription", 50, 100, taken=200))
    policy, state = (value.decode() for _name, value in limits.fields(buckets, Day(9, 4, 60)))
    assert re.fullmatch(f"{ITEM}, {ITEM}, {ITEM}", policy)
    assert re.fullmatch(f"{STATE}, {STATE}, {STATE}", state)
    assert policy.endswith('"day";q=9;w=86400')
    assert state.endswith('"day";r=4;t=60')
    assert '"subscription";r=0;' in state
