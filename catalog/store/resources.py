"""SQL of resources, their versions and their history."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import cast, func, inspect, text
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.orm import defer
from sqlmodel import and_, col, select, update

from auth.principal import Principal
from catalog.rules.scopes import CLASS, of_holder
from catalog.states import State
from catalog.tables import Resource, ResourceTransition, ResourceVersion
from kernel.database import ReadSession, WriteSession

Row = TypeVar("Row", Resource, ResourceVersion)

# A contract holds every value of its code lists: lists of versions do without.
WITHOUT_CONTRACT = defer(ResourceVersion.contract)  # type: ignore[arg-type]

_SET_SCOPES = text("""
    UPDATE catalog.resource_version SET search_scopes = CAST(:marks AS text[]) || ARRAY(
        SELECT :of_class || left(class_code, digits)
        FROM generate_series(1, length(class_code)) AS digits ORDER BY digits
    )
    WHERE resource_id = :resource_id AND NOT search_scopes @> CAST(:marks AS text[])
""").bindparams(of_class=CLASS)


async def get(session: ReadSession, resource_id: str, number: int) -> ResourceVersion | None:
    return await _current(session, ResourceVersion, (resource_id, number))


async def resource(session: ReadSession, resource_id: str) -> Resource | None:
    return await _current(session, Resource, (resource_id,))


async def _current(session: ReadSession, table: type[Row], key: tuple[Any, ...]) -> Row | None:
    """Return the row as it stands; a session that only reads asks for it once.

    A page of an entry asked eight times for it. What was listed without some columns is read whole.
    """
    known = session.identity_map.get(session.identity_key(table, key))
    partly = known is not None and bool(inspect(known).unloaded)
    again = partly or isinstance(session, WriteSession)
    return await session.get(table, key, populate_existing=again)


async def versions(session: ReadSession, resource_id: str) -> Sequence[ResourceVersion]:
    query = select(ResourceVersion).where(ResourceVersion.resource_id == resource_id)
    query = query.order_by(col(ResourceVersion.number)).options(WITHOUT_CONTRACT)
    return (await session.exec(query)).all()


async def by_name(
    session: ReadSession, department: str, names: Collection[str]
) -> dict[str, list[str]]:
    """Return the ids of a department's entries, by the name of their newest version."""
    query = (
        select(ResourceVersion.name, Resource.id)
        .join(
            Resource,
            and_(
                col(Resource.id) == col(ResourceVersion.resource_id),
                col(Resource.version) == col(ResourceVersion.number),
            ),
        )
        .where(
            Resource.department == department,
            col(ResourceVersion.name).in_(names),
            col(Resource.status).not_in((State.DISCARDED, State.RETIRED)),
        )
    )
    found: dict[str, list[str]] = {}
    for name, resource_id in (await session.exec(query)).all():
        found.setdefault(name, []).append(resource_id)
    return found


async def partitions_of(
    session: ReadSession, resource_ids: Collection[str]
) -> Sequence[tuple[str, int]]:
    """Return how many partitions the published version of each resource has."""
    query = (
        select(Resource.id, ResourceVersion.partitions)
        .join(
            ResourceVersion,
            and_(
                col(ResourceVersion.resource_id) == Resource.id,
                col(ResourceVersion.number) == Resource.published_version,
            ),
        )
        .where(col(Resource.id).in_(resource_ids))
    )
    return (await session.exec(query)).all()


async def published_items(
    session: ReadSession, resource_ids: Collection[str], states: Collection[State]
) -> Sequence[Any]:
    """Return resource, number, items and their data types of versions that were once published.

    The types alone are taken from the contract, whose code lists may be megabytes.
    """
    path = cast("$.fields[*].data_type", JSONPATH)
    types = func.jsonb_path_query_array(ResourceVersion.contract, path, type_=JSONB)
    query = (
        select(ResourceVersion.resource_id, ResourceVersion.number, ResourceVersion.items, types)
        .where(
            col(ResourceVersion.resource_id).in_(resource_ids),
            col(ResourceVersion.state).in_(states),
            col(ResourceVersion.published_at).is_not(None),
            col(ResourceVersion.contract).is_not(None),
        )
        .order_by(ResourceVersion.resource_id, col(ResourceVersion.number))
    )
    return (await session.exec(query)).all()


async def transitions(session: ReadSession, resource_id: str) -> Sequence[ResourceTransition]:
    query = select(ResourceTransition).where(ResourceTransition.resource_id == resource_id)
    return (await session.exec(query.order_by(col(ResourceTransition.id)))).all()


def add_transition(
    session: WriteSession,
    principal: Principal,
    version: ResourceVersion,
    action: str,
    start: State | None,
    *,
    now: datetime,
    **note: Any,  # noqa: ANN401 - facts of any JSON kind
) -> None:
    """Keep in the history that the version came from `start` to the state it is in now."""
    session.add(
        ResourceTransition(
            resource_id=version.resource_id,
            version=version.number,
            action=action,
            from_state=start,
            to_state=version.state,
            actor_id=principal.id,
            department=principal.department,
            at=now,
            note=note,
        )
    )


async def move(
    session: WriteSession,
    read: Resource,
    to: State,
    *,
    now: datetime,
    **facts: Any,  # noqa: ANN401
) -> bool:
    """Move the resource from the status and revision it was read in; False when they are gone."""
    statement = (
        update(Resource)
        .where(
            col(Resource.id) == read.id,
            col(Resource.status) == read.status,
            col(Resource.revision) == read.revision,
        )
        .values(status=to, revision=read.revision + 1, updated_at=now, **facts)
    )
    if (await session.exec(statement)).rowcount != 1:
        return False
    await session.refresh(read)
    return True


async def set_code(session: WriteSession, read: Resource, code: str) -> None:
    """Give the resource its code, unless somebody else just has."""
    statement = update(Resource).where(
        col(Resource.id) == read.id, col(Resource.resource_code).is_(None)
    )
    await session.exec(statement.values(resource_code=code))
    await session.refresh(read)


async def set_version(
    session: WriteSession,
    resource_id: str,
    number: int,
    **facts: Any,  # noqa: ANN401
) -> ResourceVersion:
    """Change one version, and return it as it is then."""
    statement = (
        update(ResourceVersion)
        .where(col(ResourceVersion.resource_id) == resource_id)
        .where(col(ResourceVersion.number) == number)
        .values(**facts)
    )
    await session.exec(statement)
    return await session.get_one(ResourceVersion, (resource_id, number), populate_existing=True)


async def set_scopes(session: WriteSession, resource: Resource) -> None:
    """Let all versions be found by the department and the division that the resource has now.

    What a gateway of the release before has written has no scopes at all.
    """
    marks = of_holder(resource.department, resource.region_code)
    await session.execute(_SET_SCOPES.bindparams(resource_id=resource.id, marks=marks))


async def end_published(
    session: WriteSession,
    resource_id: str,
    to: State,
    *,
    now: datetime,
    **facts: Any,  # noqa: ANN401
) -> None:
    """End the version that serves, if there is one."""
    await session.exec(
        update(ResourceVersion)
        .where(
            col(ResourceVersion.resource_id) == resource_id,
            col(ResourceVersion.state) == State.PUBLISHED,
        )
        .values(state=to, ended_at=now, **facts)
    )
