"""SQL of how many entries in force there are, by class, division and department."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from catalog.states import State
from catalog.tables import Resource, ResourceVersion
from kernel.database import ReadSession


async def by_class(session: ReadSession, below: str) -> Mapping[str, int]:
    """Return the counts of the classes whose code begins so."""
    code = col(ResourceVersion.class_code)
    query = select(code, func.count()).where(
        ResourceVersion.state == State.PUBLISHED, code.startswith(below, autoescape=True)
    )
    return dict((await session.exec(query.group_by(code))).all())


async def by_region(session: ReadSession) -> Mapping[str, int]:
    return await _by(session, col(Resource.region_code))


async def by_department(session: ReadSession) -> Mapping[str, int]:
    return await _by(session, col(Resource.department))


async def _by(session: ReadSession, column: Any) -> Mapping[str, int]:  # noqa: ANN401 - a column
    query = select(column, func.count()).where(
        col(Resource.published_version).is_not(None), Resource.status != State.RETIRED
    )
    return dict((await session.exec(query.group_by(column))).all())
