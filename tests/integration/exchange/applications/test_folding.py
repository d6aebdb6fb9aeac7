"""A filter on an item that is not of the key is agreed to once the latest state is complete."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from auth.principal import Principal
from exchange.applications import agreement, apply, folding
from exchange.applications.states import State
from exchange.latest import store
from exchange.latest.errors import StateIncomplete
from exchange.subscriptions.conditions import Condition, Op
from exchange.subscriptions.folding import keep_folded
from kernel.database import Database, WriteSession
from tests.support import sharing
from tests.support.sharing import NOW, Sharing


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "WAIT_SECONDS", 0.3)


async def unfolded(database: Database, *, standing_consent: bool = False) -> Sharing:
    share_type = "unconditional" if standing_consent else "conditional"
    world = await sharing.sharing(
        database, share_type=share_type, standing_consent=standing_consent
    )
    await mark(database, world, "DELETE FROM exchange.fold WHERE resource_id = :id")
    return world


async def mark(database: Database, world: Sharing, statement: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement), {"id": world.resource_id})


async def agree(database: Database, head: Principal, application_id: str) -> State:
    async def work(session: WriteSession) -> State:
        moved = await agreement.agree(session, head, application_id, now=NOW)
        return State(moved.status)

    return await folding.when_folded(database, work)


async def is_asked_for(database: Database, world: Sharing) -> bool:
    async with database.reading() as session:
        found = await session.execute(
            text("SELECT count(*) FROM exchange.folded_resource WHERE resource_id = :id"),
            {"id": world.resource_id},
        )
        return bool(found.scalar_one())


async def test_asking_begins_the_folding_and_changes_nothing_else(database: Database) -> None:
    world = await unfolded(database)
    application = await sharing.signed(database, world)
    with pytest.raises(StateIncomplete) as refused:
        await agree(database, world.provider_head, application.id)
    assert refused.value.retry_after_seconds
    assert await is_asked_for(database, world)
    async with database.transaction() as session:
        session.add(sharing.folded(world.resource_id))
    assert await agree(database, world.provider_head, application.id) is State.AGREED


@pytest.mark.parametrize(
    ("change", "passing"),
    [
        ("UPDATE exchange.fold SET caught_up_at = NULL WHERE resource_id = :id", True),
        ("UPDATE exchange.fold SET unbroken_from = 7 WHERE resource_id = :id", False),
    ],
)
async def test_a_fold_that_lacks_something_is_not_enough(
    database: Database, change: str, *, passing: bool
) -> None:
    world = await sharing.sharing(database)
    await mark(database, world, change)
    application = await sharing.signed(database, world)
    with pytest.raises(StateIncomplete) as refused:
        await agree(database, world.provider_head, application.id)
    assert refused.value.passing is passing
    assert bool(refused.value.retry_after_seconds) is passing


@pytest.mark.parametrize("row_filter", [(), (Condition("id", Op.PREFIX, "4501"),)])
async def test_a_filter_on_the_key_needs_no_folding(
    database: Database, row_filter: tuple[Condition, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MASKS", {})
    world = await unfolded(database, standing_consent=True)
    content = world.content(row_filter=row_filter)
    async with database.transaction() as session:
        draft = await apply.create(session, world.clerk, world.resource_id, content, now=NOW)
    async with database.transaction() as session:
        signed = await apply.sign(session, world.head, draft.id, now=NOW)
    assert signed.status == State.AGREED
    assert not await is_asked_for(database, world)


async def test_a_standing_consent_follows_the_same_rule(database: Database) -> None:
    world = await unfolded(database, standing_consent=True)
    content = world.content(row_filter=(Condition("amount", Op.GE, 1),))
    async with database.transaction() as session:
        draft = await apply.create(session, world.clerk, world.resource_id, content, now=NOW)

    async def sign(session: WriteSession) -> str:
        return (await apply.sign(session, world.head, draft.id, now=NOW)).status

    with pytest.raises(StateIncomplete):
        await folding.when_folded(database, sign)
    async with database.transaction() as session:
        session.add(sharing.folded(world.resource_id))
    assert await folding.when_folded(database, sign) == State.AGREED


async def test_grants_of_before_are_folded_and_asked_for_again_in_time(database: Database) -> None:
    """A release that did not fold made them; the worker finds them by itself."""
    world = await sharing.sharing(database)
    await sharing.subscribed(database, world)
    await mark(database, world, "DELETE FROM exchange.folded_resource WHERE resource_id = :id")
    async with database.transaction() as session:
        assert await keep_folded(session, NOW) >= 1
    assert await is_asked_for(database, world)
    async with database.transaction() as session:
        # A year later nobody is granted anything any more.
        await keep_folded(session, NOW + timedelta(days=365))
        assert not (await store.progress(session, world.resource_id)).begun
