"""The root key is made once; encrypting anew goes on where it was interrupted."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from deploy.local.stack import Endpoints
from kernel import answers, encrypted, master_key
from kernel.actor import SYSTEM
from kernel.answers import Answer
from kernel.database import Database
from kernel.master_key import MasterKeyUnknown, RootKey, open_box, sealed_box
from kernel.secretbox import RootKeyUnknown, Secretbox, root_of
from kernel.settings import Settings
from tests.support.databases import own_database
from tests.support.eventually import eventually

FIRST, SECOND, THIRD = (letter * 32 for letter in (b"1", b"2", b"3"))
ROOT = root_of(FIRST)
SCOPE = "somebody"
COLUMNS = master_key.ENCRYPTED


def named(key: bytes, *others: bytes) -> Settings:
    first, *rest = (base64.urlsafe_b64encode(each).decode() for each in (key, *others))
    return Settings(master_key=first, other_master_keys=",".join(rest))


@pytest.fixture
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, 8) as opened:
        yield opened


async def box_of(database: Database, settings: Settings) -> Secretbox:
    async with database.transaction() as session:
        return await open_box(session, settings)


async def keep(database: Database, box: Secretbox, *names: str) -> None:
    async with database.transaction() as session:
        for name in names:
            await answers.first_answer(session, box, SCOPE, name, b"request")
            await answers.keep(session, box, SCOPE, name, Answer(200, name.encode()))


async def test_many_that_start_at_once_have_one_root_key(database: Database) -> None:
    boxes = await asyncio.gather(*(box_of(database, named(FIRST)) for _ in range(8)))
    assert {box.derive("cursors") for box in boxes} == {Secretbox(FIRST).derive("cursors")}


async def test_a_platform_does_not_start_with_a_key_that_is_not_its_own(
    database: Database,
) -> None:
    """It made new signing keys in silence, and no cursor was read any more."""
    with pytest.raises(MasterKeyUnknown, match="holds no root key yet"):
        await box_of(database, named(SECOND, FIRST))
    await box_of(database, named(FIRST))
    with pytest.raises(MasterKeyUnknown, match="none of these master keys"):
        await box_of(database, named(SECOND))
    both = await box_of(database, named(SECOND, FIRST))
    assert both.derive("cursors") == Secretbox(FIRST).derive("cursors")


async def test_a_box_learns_the_root_key_when_the_database_is_back(database: Database) -> None:
    """A gateway whose database was away waited a minute, and did not start."""
    away = Database("postgresql://nobody@127.0.0.1:1/nowhere", pool_size=1)
    settings = named(FIRST)
    box = sealed_box(settings)
    await RootKey(away, box, settings).ask()
    await away.close()
    with pytest.raises(RootKeyUnknown):
        box.derive("cursors")
    with pytest.raises(RootKeyUnknown):
        box.encrypt(b"value")
    asking = asyncio.create_task(RootKey(database, box, settings).run())
    await eventually(lambda: box.knows_root)
    asking.cancel()
    assert box.derive("cursors") == Secretbox(FIRST).derive("cursors")


async def test_encrypting_anew_goes_on_where_it_was_interrupted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await box_of(database, named(FIRST))
    names = [f"key {number}" for number in range(encrypted.ROWS * 2 + 10)]
    await keep(database, Secretbox(FIRST, root=ROOT), *names)
    await keep(database, Secretbox(THIRD, root=ROOT), "lost")
    box = await box_of(database, named(SECOND, FIRST))
    write, written = encrypted._write, 0

    async def dies(*arguments: object) -> None:
        nonlocal written
        written += 1
        if written > 1:
            raise InterruptedError
        await write(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(encrypted, "_write", dies)
        with pytest.raises(InterruptedError):
            await master_key.reencrypt(database, box, SYSTEM, COLUMNS)
    told = await master_key.reencrypt(database, box, SYSTEM, COLUMNS)
    assert told.done == {
        "kernel.kept_answer.body": len(names) - encrypted.ROWS,
        "kernel.root_key.sealed": 1,
    }
    assert told.unreadable == {"kernel.kept_answer.body": 1}
    assert (await master_key.reencrypt(database, box, SYSTEM, COLUMNS)).done == {}
    alone = await box_of(database, named(SECOND))
    async with database.transaction() as session:
        for name in names:
            kept = await answers.kept_answer(session, alone, SCOPE, name, b"request")
            assert kept == Answer(200, name.encode())
        events = "SELECT count(*) FROM kernel.audit_event WHERE event = 'keys.reencrypted'"
        assert (await session.execute(text(events))).scalar_one() == 1
