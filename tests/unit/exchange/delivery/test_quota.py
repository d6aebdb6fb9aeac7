"""What is left of a day's quota, as one worker knows it."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

import kernel.clock
from auth.principal import Principal
from exchange.delivery.errors import QuotaExhausted
from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.pull import Puller
from exchange.metering.counts import Counts
from exchange.metering.evidence.trails import Delivered
from kernel.database import Database
from kernel.workdays import local_date
from tests.support.sharing import person

# 23:50 in Shanghai.
LATE = datetime(2026, 7, 1, 15, 50, tzinfo=UTC)
CALLER: Principal = person("11450000MB0000019D")


class Grant:
    id = "s"
    records_per_day = 10


class Plan:
    """The part of a plan that a quota is about."""

    grant = Grant()

    def __init__(self, used_at_load: int, loaded_at: datetime) -> None:
        self.used_at_load = used_at_load
        self.loaded_on = local_date(loaded_at)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time, to be set."""
    time = [LATE]
    monkeypatch.setattr(kernel.clock, "now", lambda: time[0])
    return time


def worker() -> tuple[Counts, Puller]:
    nothing: Any = None
    counts = Counts(Database("postgresql://127.0.0.1:1/none"), 1.0)
    return counts, Puller(nothing, nothing, nothing, nothing, counts, nothing, b"")


def allowance(puller: Puller, plan: Plan, limit: int = 500) -> int:
    return puller._allowance(cast("GrantPlan", plan), limit)


def read(counts: Counts, records: int) -> None:
    counts.read(CALLER, Delivered("s", 1, 1, records, 100, []))


def test_records_that_left_before_a_worker_began_still_count_after_its_first_page(
    at: list[datetime],
) -> None:
    """They were forgotten with the first page, until the next flush told of them again."""
    counts, puller = worker()
    plan = Plan(7, LATE)
    assert allowance(puller, plan) == 3
    read(counts, 2)
    assert allowance(puller, plan) == 1
    read(counts, 1)
    with pytest.raises(QuotaExhausted) as refused:
        allowance(puller, plan)
    assert refused.value.day.quota == 10
    assert refused.value.retry_after_seconds == 601


async def test_a_new_day_is_a_new_quota_for_a_plan_of_the_day_before(at: list[datetime]) -> None:
    """A plan loaded on a day of which nothing was left once kept its subscription shut."""
    counts, puller = worker()
    plan = Plan(10, LATE)
    with pytest.raises(QuotaExhausted):
        allowance(puller, plan)
    at[0] = LATE + timedelta(minutes=11)
    await counts.flush()
    assert allowance(puller, plan) == 10
    read(counts, 4)
    assert allowance(puller, plan) == 6
