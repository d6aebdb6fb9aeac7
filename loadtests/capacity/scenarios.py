"""The two loads that docs/capacity.md works through; what is assumed in each is told there."""

from collections.abc import Mapping

from loadtests.capacity.load import Load

REGION = Load(
    name="region",
    resources=10_000,
    departments=500,
    clients=5_000,
    subscriptions=30_000,
    records_per_second=100_000,
    peak_factor=10,
    hottest_share=0.05,
    lookups=100,
)
# The node in which 32 regional platforms and 82 central bodies meet.
NATION = Load(
    name="nation",
    resources=30_000,
    departments=114,
    clients=3_420,
    subscriptions=120_000,
    records_per_second=320_000,
    peak_factor=10,
    batch=500,
    singles_share=0.002,
    readers=4,
    page=1_000,
    hottest_share=0.03,
    connections_per_client=16,
    lookups=200,
)
SCENARIOS: Mapping[str, Load] = {each.name: each for each in (REGION, NATION)}
