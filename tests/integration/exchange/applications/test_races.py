"""Thirty people decide at once: one wins, the others learn why not."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest
from sqlmodel import func, select

from exchange.applications import agreement, apply, register, review
from exchange.applications.review import RefusalCode
from exchange.applications.tables import Application, ApplicationHistory
from exchange.subscriptions.tables import Subscription
from kernel.database import Database, WriteSession
from kernel.errors import Conflict, IllegalTransition
from tests.support.sharing import NOW, drafted, sharing, signed

SESSIONS = 30
Decide = Callable[[WriteSession], Awaitable[Application]]


@pytest.fixture
async def wide(database: Database) -> AsyncIterator[Database]:
    """The same database with a connection for each of the thirty."""
    crowd = Database(database.url, pool_size=SESSIONS)
    yield crowd
    await crowd.close()


async def race(database: Database, deciders: list[Decide]) -> Counter[str]:
    """Let all decide together; returns how often each outcome came."""
    ready = asyncio.Barrier(len(deciders))

    async def one(decide: Decide) -> str:
        await ready.wait()
        try:
            async with database.transaction() as session:
                return (await decide(session)).status
        except (IllegalTransition, Conflict) as error:
            return error.code

    return Counter(await asyncio.gather(*(one(decide) for decide in deciders)))


async def test_agree_refuse_and_withdraw_have_one_winner(wide: Database) -> None:
    for _ in range(3):
        world = await sharing(wide)
        application = await signed(wide, world)
        agree = partial(
            agreement.agree,
            principal=world.provider_head,
            application_id=application.id,
            now=NOW,
        )
        refuse = partial(
            review.refuse,
            principal=world.provider_head,
            application_id=application.id,
            code=RefusalCode.OTHER,
            reason="r",
            now=NOW,
        )
        withdraw = partial(
            apply.withdraw, principal=world.head, application_id=application.id, now=NOW
        )
        deciders: list[Decide] = [agree, refuse, withdraw] * (SESSIONS // 3)
        outcome = await race(wide, deciders)
        assert outcome["illegal_transition"] == SESSIONS - 1
        assert outcome["agreed"] + outcome["refused"] + outcome["withdrawn"] == 1
        async with wide.reading() as session:
            granted = await session.exec(
                select(func.count()).where(Subscription.application_id == application.id)
            )
            assert granted.one() == outcome["agreed"]
            decided = await session.exec(
                select(func.count()).where(
                    ApplicationHistory.application_id == application.id,
                    ApplicationHistory.from_state == "submitted",
                )
            )
            assert decided.one() == 1


async def test_thirty_signatures_start_one_clock(wide: Database) -> None:
    world = await sharing(wide, share_type="unconditional", standing_consent=True)
    draft = await drafted(wide, world)
    signatures: list[Decide] = [lambda s: apply.sign(s, world.head, draft.id, now=NOW)] * SESSIONS
    outcome = await race(wide, signatures)
    assert outcome == {"agreed": 1, "illegal_transition": SESSIONS - 1}
    async with wide.reading() as session:
        actions = [step.action for step in await register.history(session, draft.id)]
    assert actions == ["create", "sign", "agree"]


async def test_a_change_and_a_signature_do_not_mix(wide: Database) -> None:
    world = await sharing(wide)
    draft = await drafted(wide, world)
    change = {"items": ("id", "division")}
    outcome = await race(
        wide,
        [
            lambda s: apply.sign(s, world.head, draft.id, now=NOW),
            lambda s: apply.change(s, world.clerk, draft.id, change, revision=1, now=NOW),
        ],
    )
    assert outcome["submitted"] == 1
    async with wide.reading() as session:
        row = await register.find(session, world.head, draft.id)
    assert row.items == (
        ["id", "division"] if outcome["draft"] else ["id", "name", "division", "amount"]
    )
