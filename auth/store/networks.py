"""SQL of the networks in which a department may be called."""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from auth.store import rows
from auth.tables import Networks
from kernel.database import ReadSession, WriteSession


async def get(session: ReadSession, department: str) -> Networks | None:
    query = select(Networks).where(col(Networks.department) == department)
    return (await session.exec(query)).first()


async def add(session: WriteSession, networks: Networks) -> bool:
    """Insert the row; False where there is one."""
    query = insert(Networks).values(**networks.model_dump()).on_conflict_do_nothing()
    added = await session.execute(query.returning(col(Networks.department)))
    return added.first() is not None


async def change(session: WriteSession, revision: int | None, networks: Networks) -> Networks:
    values = {"cidrs": networks.cidrs, "changed_at": networks.changed_at}
    return await rows.change(session, Networks, networks.department, revision, values)
