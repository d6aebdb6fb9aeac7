"""SQL of clients and of the assertions they signed."""

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, update

from auth.store import rows
from auth.store.departments import Known
from auth.tables import Client, ClientAssertion
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest


async def add(session: WriteSession, client: Client) -> None:
    session.add(client)
    await session.flush()


async def get(session: ReadSession, client_id: str) -> Client | None:
    return await session.get(Client, client_id)


async def change(
    session: WriteSession, client_id: str, revision: int | None, values: dict[str, Any]
) -> Client:
    return await rows.change(session, Client, client_id, revision, values)


async def move(
    session: WriteSession, client_id: str, origin: str, target: str, values: dict[str, Any]
) -> Client | None:
    """Move the client to another state; None when it was not in `origin` any more."""
    moved = await session.exec(
        update(Client)
        .where(col(Client.client_id) == client_id, col(Client.status) == origin)
        .values(status=target, revision=Client.revision + 1, **values)
        .returning(Client)
        .execution_options(populate_existing=True)
    )
    return moved.scalars().first()


async def end_tokens_of(session: WriteSession, department: str) -> None:
    """Let every token of the department's clients end for ever."""
    await session.execute(
        update(Client)
        .where(col(Client.department) == department)
        .values(generation=Client.generation + 1)
        .execution_options(synchronize_session=False)
    )


async def count_of(session: ReadSession, department: str) -> int:
    query = select(func.count()).where(col(Client.department) == department)
    return (await session.exec(query)).one()


async def find(
    session: ReadSession,
    page: PageRequest,
    known: Known,
    *,
    text: str | None,
    department: str | None,
    status: str | None,
) -> Page[Client]:
    query = page.apply(select(Client), Client.client_id)
    query = query.where(known.holds(col(Client.department)))
    if text:
        query = query.where(col(Client.name).icontains(text, autoescape=True))
    if department:
        query = query.where(col(Client.department) == department)
    if status:
        query = query.where(col(Client.status) == status)
    return page.page((await session.exec(query)).all(), "client_id")


async def use_assertion(
    session: WriteSession, client_id: str, jti: str, expires_at: datetime
) -> bool:
    """Remember the assertion until it ends; False when it was used before."""
    row = insert(ClientAssertion).values(client_id=client_id, jti=jti, expires_at=expires_at)
    used = await session.execute(row.on_conflict_do_nothing().returning(col(ClientAssertion.jti)))
    return used.first() is not None


async def forget_assertions(session: WriteSession, before: datetime) -> None:
    await session.execute(delete(ClientAssertion).where(col(ClientAssertion.expires_at) < before))
