"""One place commits, one function of a store moves a state; the lints find what they must."""

import ast
from pathlib import Path

import pytest

from tests.support.lints import (
    Lint,
    advisory_locks,
    assigned_states,
    broker_in_session,
    commits,
    dialling,
    dropped_files,
    findings,
    hashing_in_session,
)

ROOT = Path(__file__).parents[3]


def found(lint: Lint, source: str, path: str = "exchange/applications/review.py") -> list[int]:
    return [finding.line for finding in lint(path, ast.parse(source))]


RULES = [
    commits,
    assigned_states,
    advisory_locks,
    broker_in_session,
    hashing_in_session,
    dropped_files,
    dialling,
]


@pytest.mark.parametrize("lint", RULES)
def test_the_project_keeps_the_rule(lint: Lint) -> None:
    assert findings(ROOT, lint) == []


def test_the_lints_read_the_whole_project(tmp_path: Path) -> None:
    (tmp_path / "exchange" / "deep").mkdir(parents=True)
    (tmp_path / "exchange" / "deep" / "planted.py").write_text("await session.commit()\n")
    [finding] = findings(tmp_path, commits)
    assert (finding.path, finding.line) == ("exchange/deep/planted.py", 1)


@pytest.mark.parametrize(
    "planted",
    [
        "await session.commit()",
        "async def agree(session):\n    await session.commit()",
        "using.database.session().commit()",
    ],
)
def test_a_planted_commit_is_found(planted: str) -> None:
    assert len(found(commits, planted)) == 1
    assert len(found(commits, planted, "catalog/store/sources.py")) == 1


def test_the_one_commit_is_allowed_where_it_is() -> None:
    assert found(commits, "await session.commit()", "kernel/database.py") == []


def test_committing_a_position_is_another_word() -> None:
    assert found(commits, "await positions.commit(principal, id, cursor)") == []


@pytest.mark.parametrize(
    "planted",
    [
        "application.status = State.AGREED",
        "self.application.status = 'agreed'",
        "version.state: str = 'published'",
        "row.status, row.at = 'expired', now",
        "setattr(row, 'status', 'active')",
        "def move(row):\n    row.status = 'active'",
    ],
)
def test_a_planted_assignment_is_found(planted: str) -> None:
    assert len(found(assigned_states, planted)) == 1


def test_the_move_of_a_store_may_assign() -> None:
    source = "async def move(row, to):\n    row.status = to"
    assert found(assigned_states, source, "exchange/applications/store.py") == []
    assert found(assigned_states, source, "catalog/store/sources.py") == []
    assert found(assigned_states, source, "exchange/applications/storehouse.py") == [2]


def test_another_function_of_a_store_may_not() -> None:
    source = "def add(row):\n    row.status = 'active'\ndef move(row):\n    row.status = 'active'"
    assert found(assigned_states, source, "exchange/applications/store.py") == [2]


def test_reading_comparing_and_constructing_are_no_assignments() -> None:
    source = "x = row.status\nrow.status == 'a'\nRow(status='a')\napp.state.services = services"
    assert found(assigned_states, source) == []


def test_an_objects_own_field_is_set_when_it_is_made() -> None:
    source = "class Refused:\n    def __init__(self, answer):\n        self.status = answer.code"
    assert found(assigned_states, source) == []
    later = "class Refused:\n    def change(self):\n        self.status = 1"
    assert found(assigned_states, later) == [3]


@pytest.mark.parametrize(
    "planted",
    [
        'session.execute(text("SELECT pg_advisory_xact_lock(809002)"))',
        "session.execute(select(func.pg_try_advisory_xact_lock(LOCK)))",
        "from sqlalchemy.func import pg_advisory_lock\npg_advisory_lock(1)",
        """session.execute("SELECT FROM pg_locks WHERE locktype = 'advisory'")""",
    ],
)
def test_a_planted_advisory_lock_is_found(planted: str) -> None:
    assert len(found(advisory_locks, planted)) == 1
    assert found(advisory_locks, planted, "kernel/locks.py") == []


def test_a_docstring_may_speak_of_advisory_locks() -> None:
    assert found(advisory_locks, '"""Takes the advisory lock of the relay."""') == []


@pytest.mark.parametrize(
    "planted",
    [
        """async def f(self):
            async with self._database.transaction() as session:
                await self._reader.offset(topic, partition, LATEST)""",
        "async def find(session: Reading, using: Using):\n await using.bus.positions.lag(row)",
        "async def f(s: WriteSession):\n await gather(*(self._reader.read(p) for p in ps))",
        """async def ensure(): await topics.ensure(topic, 1)
async def more(): await ensure()
async def f(database):
    async with database.reading() as session:
        await more()""",
    ],
)
def test_the_broker_within_a_session_is_found(planted: str) -> None:
    assert len(found(broker_in_session, planted)) == 1


@pytest.mark.parametrize(
    "planted",
    [
        "async def change(session: WriteSession):\n await passwords.digest(new)",
        (
            "async def f(self):\n async with self.database.transaction() as session:\n"
            "  await passwords.fits(person.password_hash, old)"
        ),
    ],
)
def test_a_password_hashed_within_a_session_is_found(planted: str) -> None:
    """Eight changes of passwords held the whole pool (C22)."""
    assert len(found(hashing_in_session, planted, "auth/people.py")) == 1


def test_the_broker_before_and_after_a_session_is_no_fault() -> None:
    apart = (
        "async def f(self):\n await self._reader.offset(t, p, LATEST)\n"
        " async with self._database.transaction() as session:\n  await store.settle(session)\n"
        " await self._topics.ensure(t, 1)"
    )
    assert found(broker_in_session, apart) == []


def test_a_file_that_is_removed_where_its_row_may_stand_is_found() -> None:
    source = """
try:
    pass
except BaseException:
    await using.blobs.drop(stored)
    raise
await using.blobs.drop(stored)
"""
    assert found(dropped_files, source) == [5]


@pytest.mark.parametrize(
    "planted",
    [
        "import httpx",
        "import urllib.request",
        "from aiohttp import ClientSession",
        "reader, writer = await asyncio.open_connection(host, 80)",
        "await loop.create_connection(Protocol, host, 80)",
    ],
)
def test_a_connection_past_the_guarded_client_is_found(planted: str) -> None:
    assert found(dialling, planted) == [1]
    assert found(dialling, planted, "kernel/outbound/client.py") == []
    assert found(dialling, planted, "client/src/shuyuan_client/http.py") == []
