"""Plans of delivery are bounded by what they hold, not only by their number (P9)."""

from types import SimpleNamespace
from typing import cast

from exchange.delivery.grant_plans import ITEM_BYTES, GrantPlan, plan_parts
from exchange.delivery.projection.projection import Projection
from exchange.subscriptions.grants import Grant
from kernel.cache import RuleCache
from tests.support.projecting import an_item, terms_of

WIDE = {number: [an_item(f"i{n}", key=not n) for n in range(300)] for number in range(1, 51)}
TERMS = terms_of(WIDE, [f"i{n}" for n in range(300)])


def a_plan() -> GrantPlan:
    grant = SimpleNamespace(items=TERMS.items, row_filter=())
    projection = Projection(TERMS)
    return GrantPlan(cast("Grant", grant), "t", 1, projection, projection.versions, 50)


def test_grants_of_a_resource_count_its_versions_once() -> None:
    plans = [a_plan(), a_plan()]
    first, second = map(plan_parts, plans)
    shared = first.keys() & second.keys()
    assert len(shared) == 50
    assert sum(first[part] for part in shared) == 50 * 301 * ITEM_BYTES


async def test_plans_of_wide_resources_leave_before_they_fill_the_memory() -> None:
    """Twenty thousand plans of fifty versions of three hundred items were kept: 90 GB."""

    async def load(_key: str) -> GrantPlan:
        return a_plan()

    cache: RuleCache[GrantPlan] = RuleCache(
        load, size=20_000, parts=plan_parts, most_bytes=32 * 1024 * 1024
    )
    for number in range(20):
        await cache.get(str(number))
    assert cache.bytes_held <= 32 * 1024 * 1024
    assert cache.known("19") is not None
    assert cache.known("0") is None
