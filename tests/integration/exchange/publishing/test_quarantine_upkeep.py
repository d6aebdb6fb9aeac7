"""What is in quarantine ends with age; what was never shown ends unseen (ADR 0014)."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from auth.principal import Principal, Scope
from catalog.contracts.checked import Checked, Rejected
from exchange.log.accepted import Kept
from exchange.log.errors import OutcomeUnknown
from exchange.publishing import quarantine_entries
from exchange.publishing.errors import QuarantineFull
from exchange.publishing.quarantine import Limits, Quarantine
from exchange.publishing.receipts import Receipt
from kernel import clock
from kernel.database import Database
from kernel.errors import FieldError
from kernel.ids import new_id
from kernel.secretbox import Secretbox
from kernel.turns import FairScheduler
from tests.support.world import Sharing, World

DAYS = 30
BAD = b'{"id":"1"}\n{"id":"2"}'
LIMITS = Limits(10, 10_000)


def rejected(count: int) -> Checked:
    error = FieldError("name", "missing", "必填", "required", 0)
    return Checked([], [], count, [Rejected(n, b"{}", (error,), 1) for n in range(count)])


def publisher() -> Principal:
    return Principal(
        kind="client",
        id=new_id(),
        department=new_id()[:18],
        region_code="450000",
        is_authority=False,
        roles=frozenset(),
        scopes=frozenset({Scope.RECORDS_PUBLISH}),
        token_id=new_id(),
        expires_at=2**40,
    )


@pytest.fixture
def quarantine(database: Database) -> Quarantine:
    return Quarantine(database, Secretbox(b"k" * 32), LIMITS, FairScheduler())


async def scalar(database: Database, query: str, **values: Any) -> int:  # noqa: ANN401
    async with database.reading() as session:
        return int((await session.execute(text(query), values)).scalar_one_or_none() or 0)


async def used(database: Database, resource_id: str) -> int:
    query = "SELECT entries FROM exchange.quarantine_use WHERE resource_id = :r"
    return await scalar(database, query, r=resource_id)


async def held(database: Database, resource_id: str) -> int:
    query = "SELECT count(*) FROM exchange.quarantine_entry WHERE resource_id = :r"
    return await scalar(database, query, r=resource_id)


async def forget(database: Database) -> None:
    async with database.transaction() as session:
        await quarantine_entries.forget_old(session, clock.now(), days=DAYS)


async def age(database: Database, column: str, by: timedelta, resource_id: str) -> None:
    async with database.transaction() as session:
        await session.execute(
            text(
                f"UPDATE exchange.quarantine_batch SET {column} = {column} - CAST(:by AS interval)"  # noqa: S608
                " WHERE resource_id = :r"
            ),
            {"by": by, "r": resource_id},
        )


@pytest.fixture
async def sharing(world: World) -> Sharing:
    return await world.sharing()


async def test_what_is_old_is_forgotten_and_its_receipt_still_counts(
    world: World, sharing: Sharing, database: Database
) -> None:
    receipt = await sharing.publisher.publish(sharing.resource, BAD, on_invalid="quarantine")
    path = f"/v1/receipts/{receipt['receipt_id']}"
    await age(database, "received_at", timedelta(days=DAYS - 1), sharing.resource)
    await forget(database)
    assert await held(database, sharing.resource) == 2
    assert await sharing.publisher.ask("GET", path) == receipt
    await age(database, "received_at", timedelta(days=1, minutes=1), sharing.resource)
    await forget(database)
    assert await held(database, sharing.resource) == 0
    assert await used(database, sharing.resource) == 0
    assert await sharing.publisher.ask("GET", path) == {**receipt, "errors": []}
    page = await world.auditor.ask(
        "GET",
        "/v1/audit",
        params={"thing": sharing.resource, "event": "quarantine.forgotten"},
    )
    [event] = page["items"]
    assert (event["actor_kind"], event["details"]["records"]) == ("system", 2)


@pytest.mark.parametrize(("keyed", "hours"), [(False, 1), (True, 8 * 24)])
async def test_what_was_never_shown_is_forgotten_when_no_retry_can_come(
    database: Database,
    quarantine: Quarantine,
    hours: int,
    keyed: bool,
) -> None:
    resource_id = new_id()
    await quarantine.hold(publisher(), resource_id, "upsert", rejected(3), keyed=keyed)
    await age(database, "pending_until", timedelta(hours=hours, minutes=-1), resource_id)
    await forget(database)
    assert await held(database, resource_id) == 3
    await age(database, "pending_until", timedelta(minutes=2), resource_id)
    await forget(database)
    assert (await held(database, resource_id), await used(database, resource_id)) == (0, 0)


async def test_what_an_append_did_not_follow_is_withdrawn(
    database: Database, quarantine: Quarantine
) -> None:
    resource_id = new_id()
    kept = await quarantine.hold(publisher(), resource_id, "upsert", rejected(3), keyed=False)
    assert await used(database, resource_id) == 3
    await quarantine.withdraw(kept)
    assert (await held(database, resource_id), await used(database, resource_id)) == (0, 0)


async def test_what_is_shown_is_not_withdrawn(database: Database, quarantine: Quarantine) -> None:
    resource_id, who = new_id(), publisher()
    kept = await quarantine.hold(who, resource_id, "upsert", rejected(3), keyed=False)
    receipt = Receipt("r" + new_id(), resource_id, 1, 0, [], "")
    shown = await quarantine.shown(who, receipt, kept)
    assert [error.zh for error in shown.errors] == ["必填"] * 3
    await quarantine.withdraw(kept)
    assert await held(database, resource_id) == 3


async def test_the_room_of_a_resource_is_bounded_in_records_and_bytes(
    database: Database, quarantine: Quarantine
) -> None:
    resource_id = new_id()
    await quarantine.hold(publisher(), resource_id, "upsert", rejected(8), keyed=False)
    with pytest.raises(QuarantineFull):
        await quarantine.hold(publisher(), resource_id, "upsert", rejected(3), keyed=False)
    large = rejected(1)
    large.rejected = [Rejected(0, b"x" * LIMITS.bytes_, large.rejected[0].errors, 1)]
    with pytest.raises(QuarantineFull):
        await quarantine.hold(publisher(), resource_id, "upsert", large, keyed=False)
    assert (await held(database, resource_id), await used(database, resource_id)) == (8, 8)


async def test_an_answer_waits_for_the_database_or_says_that_it_does_not_know() -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    quarantine = Quarantine(away, Secretbox(b"k" * 32), LIMITS, FairScheduler())
    kept = Kept(new_id(), 1, 1)
    with pytest.raises(OutcomeUnknown):
        await quarantine.shown(publisher(), Receipt("r", new_id(), 1, 0, [], ""), kept)
    await quarantine.withdraw(kept)
    await away.close()
