"""Everything leaves a trace, and a changed trace is found, with its first place (P8)."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sized

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from deploy.local.stack import Endpoints
from kernel import audit, audit_check
from kernel.actor import Actor
from kernel.audit import CHAINS
from kernel.audit_check import Verdict, Walk
from kernel.database import Database
from kernel.ids import new_id
from tests.support.databases import connected, new_database

WHO = Actor("person", "p1", "11450000MB0000019D")
WRITERS = 12
Tamper = Callable[[asyncpg.Connection, int], Awaitable[object]]


def write(session: object, name: str = "test.done", **details: object) -> None:
    audit.record(session, WHO, name, "test", new_id(), **details)  # type: ignore[arg-type]


async def verified(database: Database) -> Verdict:
    async with database.snapshot() as session:
        return await audit_check.verify(session)


@pytest.fixture(scope="module")
async def url(endpoints: Endpoints) -> AsyncIterator[str]:
    async with new_database(endpoints.database_url) as url:
        yield url


@pytest.fixture
async def own(url: str) -> AsyncIterator[Database]:
    database = Database(url, pool_size=WRITERS + 2)
    yield database
    await database.close()


@pytest.fixture(scope="module")
async def written(endpoints: Endpoints) -> AsyncIterator[str]:
    """A log with events in every chain and an anchor, to be copied and then changed."""
    async with new_database(endpoints.database_url) as url:
        database = Database(url, pool_size=CHAINS + 1)
        await fill_every_chain(database)
        async with database.transaction() as session:
            await audit.anchor(session)
        await database.close()
        yield url


async def fill_every_chain(database: Database) -> None:
    """Let CHAINS transactions append at the same time: each then finds a chain of its own."""
    arrived = asyncio.Barrier(CHAINS)

    async def one() -> None:
        async with database.transaction() as session:
            for number in range(5):
                write(session, number=number)
            await session.flush()
            await audit.append_pending(session)
            await arrived.wait()

    await asyncio.gather(*(one() for _ in range(CHAINS)))


async def test_many_writers_at_once_leave_whole_chains(own: Database) -> None:
    before = (await verified(own)).events

    async def one(writer: int) -> None:
        for number in range(10):
            async with own.transaction() as session:
                for part in range(random.randint(1, 3)):  # noqa: S311
                    write(session, writer=writer, number=number, part=part)

    await asyncio.gather(*(one(writer) for writer in range(WRITERS)))
    verdict = await verified(own)
    assert verdict.faults == ()
    assert verdict.events >= before + WRITERS * 10


async def test_anchors_amid_many_writers_leave_whole_chains(own: Database) -> None:
    """An anchor reads the heads that its own transaction then appends to."""

    async def writer() -> None:
        for _ in range(10):
            async with own.transaction() as session:
                write(session)

    async def anchors() -> None:
        for _ in range(10):
            async with own.transaction() as session:
                await audit.anchor(session)
                await asyncio.sleep(0.01)

    await asyncio.gather(*(writer() for _ in range(WRITERS - 2)), anchors(), anchors())
    assert (await verified(own)).faults == ()


async def test_a_log_is_verified_while_it_grows(own: Database) -> None:
    ended = asyncio.Event()

    async def writer() -> None:
        while not ended.is_set():
            async with own.transaction() as session:
                write(session)

    writers = [asyncio.create_task(writer()) for _ in range(4)]
    for _ in range(5):
        assert (await verified(own)).faults == ()
    ended.set()
    await asyncio.gather(*writers)


async def write_and_run(own: Database, statement: str, error: Exception | None = None) -> None:
    async with own.transaction() as session:
        write(session)
        await session.execute(text(statement))
        if error is not None:
            raise error


async def test_what_is_rolled_back_leaves_no_event(own: Database) -> None:
    before = await verified(own)
    with pytest.raises(RuntimeError, match="no"):
        await write_and_run(own, "SELECT 1", RuntimeError("no"))
    with pytest.raises(DBAPIError):
        await write_and_run(own, "SELECT 1 / 0")
    assert await verified(own) == before


async def test_nothing_is_recorded_of_a_commit_that_breaks(own: Database, url: str) -> None:
    async with connected(url) as connection:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS promise (id int PRIMARY KEY,"
            " needs int REFERENCES promise DEFERRABLE INITIALLY DEFERRED)"
        )
    before = await verified(own)
    with pytest.raises(DBAPIError):
        await write_and_run(own, "INSERT INTO promise VALUES (1, 2)")
    assert await verified(own) == before


async def test_an_anchor_is_written_when_something_happened(own: Database) -> None:
    async with own.transaction() as session:
        write(session)
    counts = []
    for _ in range(3):
        async with own.transaction() as session:
            await audit.anchor(session)
        counts.append((await verified(own)).events)
    assert counts[0] == counts[1] == counts[2]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
DETAILS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(DETAILS, min_size=1, max_size=5))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_the_details_are_the_chain_verifies(
    own: Database, found: list[object]
) -> None:
    """JSONB keeps 1e22 as an integer and -0.0 as 0: such details once broke their own chain."""
    async with own.transaction() as session:
        for value in found:
            write(session, value=value)
    assert (await verified(own)).faults == ()


@pytest.mark.parametrize("value", [1e22, -0.0, 1.0, 1e300, 5e-324, 0.1, 10**40, float("inf")])
async def test_numbers_are_hashed_as_they_are_kept(own: Database, value: float) -> None:
    async with own.transaction() as session:
        write(session, value=value, nested=[{"value": value}])
    assert (await verified(own)).faults == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE kernel.audit_event SET actor_id = 'x'",
        "UPDATE kernel.audit_event SET actor_id = 'x' WHERE false",
        "DELETE FROM kernel.audit_event",
        "TRUNCATE kernel.audit_event",
    ],
)
async def test_the_database_refuses_to_change_the_past(own: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        async with own.transaction() as session:
            await session.execute(text(statement))


async def test_a_verification_goes_on_where_another_worker_left_it(
    written: str, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In steps of two events, each by a worker that knows only what the one before wrote down."""
    monkeypatch.setattr(audit_check, "STRETCH", 2)

    async def walked(database: Database) -> Verdict:
        async with database.reading() as session:
            walk = await audit_check.begin(session)
        while not walk.is_over:
            async with database.reading() as session:
                await audit_check.go_on(session, walk)
            walk = Walk.read(json.loads(json.dumps(walk.written())))
        async with database.reading() as session:
            return await audit_check.verdict(session, walk)

    async with new_database(endpoints.database_url, copy_of=written) as url:
        database = Database(url, pool_size=2)
        whole = await walked(database)
        assert whole.faults == ()
        assert whole == await verified(database)
        async with connected(url) as connection:
            await connection.execute(UNGUARDED)
            await connection.execute(
                "UPDATE kernel.audit_event SET actor_id = 'x' WHERE chain = 5 AND seq = 2"
            )
        [fault] = (await walked(database)).faults
        assert (fault.chain, fault.seq) == (5, 2)
        await database.close()


UNGUARDED = "ALTER TABLE kernel.audit_event DISABLE TRIGGER audit_event_append_only"
CHANGES = (
    "at = at + interval '1 microsecond'",
    "event = 'test.undone'",
    "actor_kind = 'client'",
    "actor_id = 'p2'",
    "department = NULL",
    "subject_type = 'x'",
    "subject_id = 'x'",
    """details = '{"number": 3}'""",
    "correlation_id = 'x'",
    "hash = repeat('a', 64)",
    "previous_hash = repeat('a', 64)",
)


async def tampered(endpoints: Endpoints, written: str, chain: int, tamper: Tamper) -> Verdict:
    """Change a copy of the log past the trigger, as only its owner can, and verify it."""
    async with new_database(endpoints.database_url, copy_of=written) as url:
        async with connected(url) as connection:
            await connection.execute(UNGUARDED)
            await tamper(connection, chain)
        database = Database(url, pool_size=2)
        try:
            return await verified(database)
        finally:
            await database.close()


def stating(*statements: str) -> Tamper:
    async def tamper(connection: asyncpg.Connection, chain: int) -> None:
        for statement in statements:
            await connection.execute(statement, *([chain] if "$1" in statement else []))

    return tamper


async def test_the_untouched_copy_is_whole(endpoints: Endpoints, written: str) -> None:
    verdict = await tampered(endpoints, written, 0, stating())
    assert verdict.faults == ()
    assert verdict.events == CHAINS * 5 + 1


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_event_is_named(endpoints: Endpoints, written: str, change: str) -> None:
    statement = f"UPDATE kernel.audit_event SET {change} WHERE chain = $1 AND seq = 3"  # noqa: S608
    [fault] = (await tampered(endpoints, written, 4, stating(statement))).faults
    assert (fault.chain, fault.seq) == (4, 3)


@pytest.mark.parametrize("seq", [1, 3])
async def test_a_missing_event_is_named(endpoints: Endpoints, written: str, seq: int) -> None:
    statement = f"DELETE FROM kernel.audit_event WHERE chain = $1 AND seq = {seq}"  # noqa: S608
    [fault] = (await tampered(endpoints, written, 2, stating(statement))).faults
    assert (fault.chain, fault.seq) == (2, seq)


async def test_a_tail_that_was_cut_is_named(endpoints: Endpoints, written: str) -> None:
    statement = "DELETE FROM kernel.audit_event WHERE chain = $1 AND seq > 3"
    [fault] = (await tampered(endpoints, written, 2, stating(statement))).faults
    assert (fault.chain, fault.seq) == (2, 4)


async def test_a_tail_cut_together_with_its_head_is_told_by_another_chain(
    endpoints: Endpoints, written: str
) -> None:
    tamper = stating(
        "DELETE FROM kernel.audit_event WHERE chain = $1 AND seq > 3",
        "UPDATE kernel.audit_chain SET seq = 3, hash ="
        " (SELECT hash FROM kernel.audit_event WHERE chain = $1 AND seq = 3) WHERE chain = $1",
    )
    [fault] = (await tampered(endpoints, written, 5, tamper)).faults
    assert (fault.chain, fault.seq) == (5, 5)
    assert "anchored in chain" in fault.reason


async def test_a_chain_that_was_emptied_with_its_head_is_told_by_another(
    endpoints: Endpoints, written: str
) -> None:
    tamper = stating(
        "DELETE FROM kernel.audit_event WHERE chain = $1",
        "UPDATE kernel.audit_chain SET seq = 0, hash = repeat('0', 64) WHERE chain = $1",
    )
    [fault] = (await tampered(endpoints, written, 5, tamper)).faults
    assert (fault.chain, fault.seq) == (5, 5)


async def test_anchors_stand_in_every_chain_in_turn(endpoints: Endpoints) -> None:
    """All stood in the first chain: cut off together with its tail, nothing missed them."""
    async with new_database(endpoints.database_url) as url:
        database = Database(url, pool_size=2)
        for _ in range(CHAINS):
            async with database.transaction() as session:
                write(session)
            async with database.transaction() as session:
                await audit.anchor(session)
        async with connected(url) as connection:
            await connection.execute(UNGUARDED)
            await connection.execute("DELETE FROM kernel.audit_event WHERE chain = 0 AND seq > 2")
            await connection.execute(
                "UPDATE kernel.audit_chain SET seq = 2, hash ="
                " (SELECT hash FROM kernel.audit_event WHERE chain = 0 AND seq = 2) WHERE chain = 0"
            )
        [fault] = (await verified(database)).faults
        assert (fault.chain, fault.seq) == (0, 3)
        await database.close()


async def test_an_anchor_that_lost_its_heads_is_named(endpoints: Endpoints, written: str) -> None:
    statement = (
        "UPDATE kernel.audit_event SET details = '{}' WHERE event = 'audit.anchored'"
        " RETURNING chain, seq"
    )
    [fault] = (await tampered(endpoints, written, 0, stating(statement))).faults
    assert "changed" in fault.reason


async def test_verifying_keeps_no_more_than_the_anchored_hashes(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every hash was kept: 250 bytes an event, 2.5 GB of ten million (E2)."""
    kept: list[Sized] = []
    monkeypatch.setattr(
        audit_check, "_broken_anchors", lambda *given: _keep(kept, given[-1].hashes)
    )
    async with own.transaction() as session:
        for _ in range(1000):
            write(session)
    async with own.transaction() as session:
        await audit.anchor(session)
    verdict = await verified(own)
    assert verdict.events > 1000
    assert len(kept[0]) <= CHAINS * CHAINS


async def _keep(kept: list[Sized], hashes: Sized) -> list[audit_check.Fault]:
    kept.append(hashes)
    return []


async def test_a_head_without_its_chain_is_named(endpoints: Endpoints, written: str) -> None:
    statement = "DELETE FROM kernel.audit_chain WHERE chain = $1"
    [fault] = (await tampered(endpoints, written, 1, stating(statement))).faults
    assert fault.chain == 1


@pytest.mark.parametrize("chain", [-1, CHAINS, 99])
async def test_an_event_slipped_in_beside_the_chains_is_named(
    endpoints: Endpoints, written: str, chain: int
) -> None:
    """The list of events shows it like any other, so verifying must find it, too."""
    columns = (
        "at, event, actor_kind, actor_id, department, subject_type, subject_id, details,"
        " correlation_id, previous_hash, hash"
    )
    statement = (
        f"INSERT INTO kernel.audit_event (chain, seq, {columns})"  # noqa: S608
        f" SELECT {chain}, 1, {columns} FROM kernel.audit_event WHERE chain = $1 AND seq = 1"
    )
    [fault] = (await tampered(endpoints, written, 0, stating(statement))).faults
    assert (fault.chain, fault.seq) == (chain, 1)


async def test_every_chain_that_was_changed_is_named(endpoints: Endpoints, written: str) -> None:
    statement = "UPDATE kernel.audit_event SET actor_id = 'x' WHERE chain IN (1, 6) AND seq = 2"
    faults = (await tampered(endpoints, written, 0, stating(statement))).faults
    assert [(fault.chain, fault.seq) for fault in faults] == [(1, 2), (6, 2)]
