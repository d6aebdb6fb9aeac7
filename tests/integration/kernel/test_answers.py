"""Whoever claims an Idempotency-Key second waits for the first, then learns its answer (P5)."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from kernel import answers, clock
from kernel.answers import KEPT_DAYS, Answer
from kernel.database import Database, WriteSession
from kernel.errors import IdempotencyKeyReused
from kernel.ids import new_id
from kernel.secretbox import Secretbox

BOX = Secretbox(b"m" * 32)
SCOPE = "person:p1"
SAID = b"POST /v1/things\n{}"


async def claim(session: WriteSession, key: str, said: bytes = SAID) -> Answer | None:
    return await answers.first_answer(session, BOX, SCOPE, key, said)


async def give(session: WriteSession, key: str, body: bytes) -> None:
    await answers.keep(session, BOX, SCOPE, key, Answer(201, body))


async def test_the_second_waits_for_the_first_and_is_told_its_answer(database: Database) -> None:
    key = new_id()

    async def second() -> Answer | None:
        async with database.transaction() as session:
            return await claim(session, key)

    async with database.transaction() as session:
        assert await claim(session, key) is None
        waiting = [asyncio.create_task(second()) for _ in range(5)]
        await asyncio.sleep(0.2)
        assert not any(task.done() for task in waiting)
        await give(session, key, "秘密".encode())
    assert await asyncio.gather(*waiting) == [Answer(201, "秘密".encode())] * 5


async def test_when_the_first_is_rolled_back_one_of_the_others_is_first(
    database: Database,
) -> None:
    key, firsts = new_id(), []

    async def other(number: int) -> None:
        async with database.transaction() as session:
            if await claim(session, key) is None:
                firsts.append(number)
                await give(session, key, b"%d" % number)

    async def first() -> None:
        async with database.transaction() as session:
            assert await claim(session, key) is None
            await asyncio.sleep(0.2)
            raise RuntimeError("no")

    failing = asyncio.create_task(first())
    await asyncio.sleep(0.05)
    await asyncio.gather(*(other(number) for number in range(5)))
    with pytest.raises(RuntimeError, match="no"):
        await failing
    assert len(firsts) == 1
    async with database.transaction() as session:
        assert await claim(session, key) == Answer(201, b"%d" % firsts[0])


async def test_another_request_under_the_same_key_is_refused(database: Database) -> None:
    key = new_id()
    async with database.transaction() as session:
        await claim(session, key)
        await give(session, key, b"{}")
    async with database.transaction() as session:
        with pytest.raises(IdempotencyKeyReused):
            await claim(session, key, SAID + b" ")


async def test_an_answer_is_kept_for_seven_days_and_then_forgotten(database: Database) -> None:
    ages = {new_id(): timedelta(days=KEPT_DAYS) + shift for shift in map(timedelta, (-1, 1))}
    async with database.transaction() as session:
        for key, age in ages.items():
            await claim(session, key)
            await give(session, key, b"{}")
            update = text("UPDATE kernel.kept_answer SET created_at = :at WHERE key = :key")
            await session.execute(update.bindparams(at=clock.now() - age, key=key))
        await answers.forget_old(session)
    younger, older = ages
    async with database.transaction() as session:
        assert await claim(session, younger) is not None
        assert await claim(session, older) is None
        await give(session, older, b"{}")
