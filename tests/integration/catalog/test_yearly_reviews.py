"""Each year the head of a department looks at its published entries again (国发〔2016〕51号)."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest

from auth.errors import NotYourDepartment, RoleRequired
from auth.principal import Principal
from catalog import lifecycle, yearly_reviews
from catalog.clocks import Kind, a_year_after
from catalog.errors import ResourceNotPublished, ReviewedMeanwhile
from catalog.yearly_reviews import Outcome
from exchange.violations import store as violations
from kernel.database import Database
from tests.integration.catalog.test_entry_clocks import breaches, due_on, mark, revise, tasks
from tests.support.catalog import NOW, Bureau, open_bureau
from tests.support.world import World

# Published on 2 March 2026: due on 2 March 2027, which no worker has missed before the 3rd.
DUE = "2027-03-02"
ASKED = datetime(2027, 2, 2, 1, tzinfo=UTC)
MISSED = datetime(2027, 3, 3, 1, tzinfo=UTC)


@pytest.fixture
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database)


async def review(
    bureau: Bureau,
    resource_id: str,
    outcome: Outcome = Outcome.KEPT,
    *,
    by: Principal | None = None,
    now: datetime = NOW,
) -> None:
    async with bureau.database.transaction() as session:
        await yearly_reviews.review(
            session, by or bureau.one.head, resource_id, outcome, note="逐项核对", now=now
        )


async def yearly(bureau: Bureau, resource_id: str) -> str | None:
    return (await due_on(bureau, resource_id)).get(Kind.YEARLY)


def test_a_year_after_the_leap_day_is_the_28th() -> None:
    assert a_year_after(date(2028, 2, 29)) == date(2029, 2, 28)
    assert a_year_after(date(2027, 2, 28)) == date(2028, 2, 28)


async def test_the_year_begins_with_publication_and_with_each_review(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    assert await yearly(bureau, resource_id) == DUE
    await review(bureau, resource_id, now=datetime(2026, 6, 1, 1, tzinfo=UTC))
    assert await yearly(bureau, resource_id) == "2027-06-01"
    await revise(bureau, resource_id)
    await bureau.put_in_force(resource_id)
    assert await yearly(bureau, resource_id) == DUE
    async with bureau.database.transaction() as session:
        await lifecycle.retire(
            session, bureau.authority, resource_id, reason="停用", active_subscriptions=0, now=NOW
        )
    assert await yearly(bureau, resource_id) is None


async def test_what_must_change_starts_the_ten_working_days(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await review(bureau, resource_id, Outcome.TO_CHANGE)
    assert await due_on(bureau, resource_id) == {Kind.UPDATE: "2026-03-16", Kind.YEARLY: DUE}
    await review(bureau, resource_id, Outcome.TO_CHANGE, now=datetime(2026, 3, 9, tzinfo=UTC))
    assert (await due_on(bureau, resource_id))[Kind.UPDATE] == "2026-03-16"


async def test_it_is_a_task_a_month_ahead_and_told_once_when_missed(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    head, early = bureau.one.head, datetime(2027, 1, 4, tzinfo=UTC)
    assert await tasks(bureau, head, resource_id, early) == []
    assert await tasks(bureau, head, resource_id, ASKED) == [("resource.review-yearly", DUE)]
    assert await tasks(bureau, bureau.two.head, resource_id, ASKED) == []
    await mark(bureau, ASKED)
    assert await breaches(bureau, resource_id) == {}
    await asyncio.gather(*(mark(bureau, MISSED) for _ in range(5)))
    assert await breaches(bureau, resource_id) == {Kind.YEARLY: 1}
    async with bureau.database.reading() as session:
        counted = await violations.counts(session, violations.seen(bureau.one.uscc, None))
    assert counted == {}
    await review(bureau, resource_id, now=MISSED)
    assert await tasks(bureau, head, resource_id, MISSED) == []


async def test_of_twenty_reviews_at_once_one_counts(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    done = await asyncio.gather(
        *(review(bureau, resource_id) for _ in range(20)), return_exceptions=True
    )
    refused = [each for each in done if each is not None]
    assert all(isinstance(each, ReviewedMeanwhile) for each in refused), refused
    assert len(refused) < 20
    assert await yearly(bureau, resource_id) == DUE


async def test_only_its_head_reviews_and_only_what_is_published(bureau: Bureau) -> None:
    drafted = (await bureau.draft()).resource.id
    with pytest.raises(ResourceNotPublished):
        await review(bureau, drafted)
    resource_id = (await bureau.published()).resource.id
    for person, refusal in ((bureau.two.head, NotYourDepartment), (bureau.one.clerk, RoleRequired)):
        with pytest.raises(refusal):
            await review(bureau, resource_id, by=person)


async def test_over_http_the_day_is_told_to_insiders(world: World) -> None:
    provider, other = await world.department(), await world.department()
    resource = await world.resource(provider)
    path = f"/v1/resources/{resource}"
    before = await provider.clerk.ask("GET", path)
    said: dict[str, Any] = {"outcome": "to_change", "note": "名称已变"}
    done = await provider.head.ask("POST", f"{path}/yearly-review", said)
    assert done["yearly_review_due_on"] >= before["yearly_review_due_on"]
    assert done["change_notice"]["cause"] == "名称已变"
    assert (await other.clerk.ask("GET", path))["yearly_review_due_on"] is None
    wrong = await provider.head.post(f"{path}/yearly-review", {"outcome": "later", "note": "x"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["allowed"] == ["kept", "to_change"]
