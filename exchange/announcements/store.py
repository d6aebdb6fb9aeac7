"""SQL of answers to announced versions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from catalog.revisions import Announced
from exchange.announcements.tables import VersionAnswer
from kernel.database import ReadSession, WriteSession


async def answers(session: ReadSession, announced: Announced) -> Mapping[str, VersionAnswer]:
    """Return the answers to this announcement by subscription."""
    query = select(VersionAnswer).where(
        col(VersionAnswer.resource_id) == announced.resource_id,
        col(VersionAnswer.version) == announced.version,
        col(VersionAnswer.announced_at) == announced.announced_at,
    )
    fresh = query.execution_options(populate_existing=True)
    return {row.subscription_id: row for row in (await session.exec(fresh)).all()}


async def answer(
    session: ReadSession, announced: Announced, subscription_id: str
) -> VersionAnswer | None:
    """Return the answer of one subscription to this announcement."""
    row = await session.get(
        VersionAnswer, (subscription_id, announced.version), populate_existing=True
    )
    return row if row is not None and row.announced_at == announced.announced_at else None


async def put(
    session: WriteSession,
    announced: Announced,
    subscription_id: str,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - columns of the answer
) -> None:
    """Write the newest answer of a subscription, which the caller holds locked."""
    key = {"subscription_id": subscription_id, "version": announced.version}
    values = {
        "resource_id": announced.resource_id,
        "announced_at": announced.announced_at,
        "answered_at": now,
        "reason": None,
        "dispute_id": None,
        **facts,
    }
    statement = insert(VersionAnswer).values(**key, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
