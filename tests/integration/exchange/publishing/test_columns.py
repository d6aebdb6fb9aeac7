"""What was said of headings: bounded, each department's own, and in the audit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auth.errors import RoleRequired
from auth.principal import Principal, Role
from exchange.publishing import columns
from exchange.publishing.columns import HEADING_MAX, HEADINGS_MAX
from kernel.database import Database
from kernel.errors import Invalid
from kernel.ids import new_id

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def clerk() -> Principal:
    roles = frozenset({Role.CLERK})
    return Principal(
        "person", new_id(), new_id(), "450000", is_authority=False, roles=roles,
        scopes=frozenset(), token_id="t", expires_at=0.0,
    )  # fmt: skip


async def say(database: Database, who: Principal, said: columns.Said, days: int = 0) -> None:
    async with database.transaction() as session:
        await columns.say(session, who, "r", said, now=NOW + timedelta(days=days))


async def known(database: Database, who: Principal) -> columns.Said:
    async with database.reading() as session:
        return await columns.said(session, who.department, "r")


async def test_the_oldest_of_too_many_headings_are_forgotten(database: Database) -> None:
    mine, other = clerk(), clerk()
    await say(database, other, {"列0": None})
    await say(database, mine, dict.fromkeys([f"列{n}" for n in range(HEADINGS_MAX)], "id"))
    await say(database, mine, {"列0": None, "新": "name"}, days=1)
    found = await known(database, mine)
    assert len(found) == HEADINGS_MAX
    assert (found["列0"], found["新"]) == (None, "name")
    assert await known(database, other) == {"列0": None}
    async with database.transaction() as session:
        await columns.forget(session, mine, "r")
    assert await known(database, mine) == {}
    assert await known(database, other) == {"列0": None}


async def test_too_much_is_refused_and_changes_nothing(database: Database) -> None:
    mine = clerk()
    await say(database, mine, {"列": "id"})
    for much in ({"长" * (HEADING_MAX + 1): "id"}, dict.fromkeys(map(str, range(501)), "id")):
        with pytest.raises(Invalid):
            await say(database, mine, much)
    with pytest.raises(RoleRequired):
        await say(database, replace(mine, roles=frozenset({Role.AUDITOR})), {"列": None})
    assert await known(database, mine) == {"列": "id"}
