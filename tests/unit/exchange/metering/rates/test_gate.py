"""The gate without its database: whose bucket is whose, changed limits, bounded memory."""

import pytest

from auth.principal import Principal, RateLimit
from exchange.metering.rates import gate as module
from exchange.metering.rates.gate import Gate
from kernel.database import Database
from kernel.errors import TooMany
from kernel.settings import Settings

NOWHERE = "postgresql://127.0.0.1:1/none"


def caller(client_id: str = "c", limit: RateLimit | None = None) -> Principal:
    return Principal(
        kind="client",
        id=client_id,
        department="d",
        region_code="450000",
        is_authority=False,
        roles=frozenset(),
        scopes=frozenset(),
        token_id="t",
        expires_at=0.0,
        rate_limit=limit,
    )


async def gate(**settings: float) -> Gate:
    usual = {
        "rate_client_per_second": 0.01,
        "rate_client_burst": 3,
        "rate_subscription_per_second": 0.01,
        "rate_subscription_burst": 2,
    }
    made = Gate(Database(NOWHERE), Settings.model_validate({**usual, **settings}))
    # Nobody runs its loop: it has nobody to tell.
    made._in_touch = False
    return made


def passes(one: Gate, who: Principal, subscription: str | None = None, asks: int = 10) -> int:
    """Ask until a refusal and return how many passed."""
    for passed in range(asks):
        try:
            assert one.taken(one.buckets(who, subscription))
        except TooMany:
            return passed
    return asks


async def test_a_client_has_its_burst_and_not_that_of_another() -> None:
    one = await gate()
    assert passes(one, caller("a")) == 3
    assert passes(one, caller("b")) == 3


async def test_a_subscription_that_is_refused_costs_its_client_nothing() -> None:
    one = await gate(rate_client_burst=5)
    assert passes(one, caller(), "s1") == 2
    assert passes(one, caller(), "s1") == 0
    assert passes(one, caller(), "s2") == 2
    assert passes(one, caller()) == 1


async def test_nobody_empties_the_bucket_of_anothers_subscription() -> None:
    one = await gate()
    assert passes(one, caller("stranger"), "s") == 2
    assert passes(one, caller("owner"), "s") == 2


async def test_an_operators_limit_takes_the_place_of_the_settings() -> None:
    one = await gate()
    limit = RateLimit(burst=6, subscription_burst=4)
    assert passes(one, caller(limit=limit), "s") == 4
    assert passes(one, caller(limit=limit)) == 2


async def test_a_raised_limit_holds_for_a_bucket_that_is_known() -> None:
    one = await gate()
    assert passes(one, caller()) == 3
    assert passes(one, caller(limit=RateLimit(per_second=1000, burst=5000)), asks=7) == 7


async def test_a_lowered_limit_holds_at_once() -> None:
    one = await gate()
    assert passes(one, caller(limit=RateLimit(burst=50)), asks=20) == 20
    assert passes(one, caller(limit=RateLimit(burst=1))) == 1


async def test_a_limit_that_was_read_again_fills_no_bucket() -> None:
    """Any change of a client, its name even, makes every worker read it again."""
    one = await gate()
    assert passes(one, caller(limit=RateLimit(burst=4))) == 4
    assert passes(one, caller(limit=RateLimit(burst=4))) == 0


async def test_a_refusal_names_its_policy_and_when_to_come_back() -> None:
    one = await gate(rate_client_per_second=0.5)
    passes(one, caller())
    with pytest.raises(TooMany) as refused:
        one.taken(one.buckets(caller()))
    assert refused.value.facts == {"policy": "client"}
    assert refused.value.retry_after_seconds == 2
    assert refused.value.code == "rate_limited"


async def test_memory_is_bounded_however_many_clients_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GENERATION_MAX", 100)
    one = await gate()
    for number in range(1000):
        one.taken(one.buckets(caller(f"c{number}"), "s"))
    assert len(one._young) + len(one._old) <= 200


async def test_a_bucket_in_use_outlives_the_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GENERATION_MAX", 100)
    one = await gate()
    greedy = caller("greedy")
    assert passes(one, greedy) == 3
    for number in range(1000):
        one.taken(one.buckets(caller(f"c{number}")))
        if number % 50 == 0:
            assert passes(one, greedy) == 0


async def test_what_is_not_told_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNTOLD_MAX", 100)
    one = await gate(rate_client_per_second=100, rate_client_burst=100)
    for number in range(1000):
        one.taken(one.buckets(caller(f"c{number}")))
    assert one._worth_telling(0.0) == []
    assert len(one._untold) == 100
    # A bucket that was given up is told of again when somebody takes from it.
    one.taken(one.buckets(caller("c0")))
    assert len(one._untold) == 101
