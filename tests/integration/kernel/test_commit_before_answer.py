"""ADR 0002: the transaction commits before the answer, so a commit that breaks is no 2xx.

FastAPI runs what follows the `yield` of a dependency after the answer was sent, unless the
dependency has `scope="function"`: both are tried here with the same breaking commits.
"""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import text

from deploy.local.stack import Endpoints
from gateway import problems
from gateway.services import Writing, _write
from kernel.database import Database, WriteSession
from tests.support.databases import connected, new_database

Late = Annotated[WriteSession, Depends(_write)]
INSERT = "INSERT INTO promise (id, needs) VALUES (:id, :needs)"


@pytest.fixture(scope="module")
async def own(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with new_database(endpoints.database_url) as url:
        async with connected(url) as connection:
            await connection.execute(
                "CREATE TABLE promise (id int PRIMARY KEY,"
                " needs int REFERENCES promise DEFERRABLE INITIALLY DEFERRED)"
            )
        database = Database(url, pool_size=4)
        yield database
        await database.close()


async def insert(session: WriteSession, number: int, needs: int) -> None:
    await session.execute(text(INSERT).bindparams(id=number, needs=needs))


async def cut(session: WriteSession, own: Database) -> None:
    """End the session's connection from outside, as a failing database would."""
    pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with own.transaction() as other:
        await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)").bindparams(pid=pid))


@pytest.fixture
async def http(own: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.state.services = SimpleNamespace(database=own)
    problems.install(app)

    @app.post("/early/{number}/{needs}")
    async def committed_first(number: int, needs: int, session: Writing) -> str:
        await insert(session, number, needs)
        return "done"

    @app.post("/late/{number}/{needs}")
    async def answered_first(number: int, needs: int, session: Late) -> str:
        await insert(session, number, needs)
        return "done"

    @app.post("/cut/{number}")
    async def cut_off(number: int, session: Writing) -> str:
        await insert(session, number, number)
        await cut(session, own)
        return "done"

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        yield client


async def kept(own: Database, number: int) -> bool:
    async with own.reading() as session:
        found = await session.execute(
            text("SELECT count(*) FROM promise WHERE id = :id").bindparams(id=number)
        )
        return bool(found.scalar_one())


async def test_a_commit_that_holds_is_answered_with_success(
    http: httpx.AsyncClient, own: Database
) -> None:
    assert (await http.post("/early/1/1")).status_code == 200
    assert await kept(own, 1)


async def test_a_commit_that_breaks_is_never_answered_with_success(
    http: httpx.AsyncClient, own: Database
) -> None:
    answer = await http.post("/early/2/999")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert not await kept(own, 2)


async def test_a_connection_lost_before_the_commit_is_not_now(
    http: httpx.AsyncClient, own: Database
) -> None:
    answer = await http.post("/cut/3")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]
    assert not await kept(own, 3)


async def test_without_the_scope_the_same_commit_would_have_said_success(
    http: httpx.AsyncClient, own: Database
) -> None:
    """When this fails, FastAPI has changed: `scope="function"` may then be superfluous."""
    assert (await http.post("/late/4/999")).status_code == 200
    assert not await kept(own, 4)
