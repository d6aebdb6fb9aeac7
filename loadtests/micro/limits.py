"""What the rate limits cost a hot request; `python -m loadtests.micro.limits`.

A thousand clients in turn, none near its limit, without HTTP or database: the best of many rounds
in CPU microseconds.
"""

import asyncio
import sys
import time
from collections.abc import Callable

from auth.principal import Principal
from exchange.metering.rates.gate import Buckets, Gate
from gateway.hot import rate_fields as limits
from kernel.database import Database
from kernel.settings import Settings

CLIENTS, CALLS, ROUNDS = 1_000, 20_000, 30
PLENTY = {
    "rate_client_per_second": 1e6,
    "rate_client_burst": 10_000_000,
    "rate_subscription_per_second": 1e6,
    "rate_subscription_burst": 10_000_000,
}


def caller(number: int) -> Principal:
    return Principal(
        kind="client",
        id=f"{number:032x}",
        department="",
        region_code="",
        is_authority=False,
        roles=frozenset(),
        scopes=frozenset(),
        token_id="",
        expires_at=0.0,
    )


def best(call: Callable[[int], object]) -> float:
    """Return the CPU microseconds of a call in the best round."""
    least = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for number in range(CALLS):
            call(number)
        least = min(least, time.process_time() - began)
    return least / CALLS * 1e6


async def main() -> None:
    gate = Gate(Database("postgresql://127.0.0.1:1/none"), Settings.model_validate(PLENTY))
    callers = [caller(number) for number in range(CLIENTS)]
    for title, subscription in (("publish", None), ("pull", "f" * 32)):
        buckets = gate.buckets(callers[0], subscription)

        def take(number: int, subscription: str | None = subscription) -> object:
            return gate.taken(gate.buckets(callers[number % CLIENTS], subscription))

        def tell(_number: int, buckets: Buckets = buckets) -> object:
            return limits.fields(buckets)

        spent, told = best(take), best(tell)
        sys.stdout.write(f"{title:8} take {spent:5.2f} us, headers {told:5.2f} us\n")


if __name__ == "__main__":
    asyncio.run(main())
