"""SQL of bundles and their lines."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy import update as core_update
from sqlmodel import col, select, update

from exchange.applications.states import UNDECIDED, State
from exchange.applications.tables import Application
from exchange.bundles.tables import Bundle, BundleLine
from kernel.database import ReadSession, WriteSession
from kernel.errors import NotFound
from kernel.paging import Page, PageRequest

Line = tuple[BundleLine, Application]


async def get(session: ReadSession, bundle_id: str, department: str) -> Bundle:
    """Raise NotFound when the department has none of this id."""
    query = select(Bundle).where(Bundle.id == bundle_id, Bundle.department == department)
    bundle = (await session.exec(query)).first()
    if bundle is None:
        raise NotFound
    return bundle


async def lock(session: WriteSession, bundle_id: str, department: str) -> Bundle:
    """Return the bundle and keep others from moving its lines by it; raises NotFound."""
    query = select(Bundle).where(Bundle.id == bundle_id, Bundle.department == department)
    bundle = (await session.exec(query.with_for_update())).first()
    if bundle is None:
        raise NotFound
    return bundle


async def lines(session: ReadSession, bundle_id: str) -> Sequence[Line]:
    """Return the lines in order, each with its application as it is now."""
    query = (
        select(BundleLine, Application)
        .join(Application, col(Application.id) == col(BundleLine.application_id))
        .where(BundleLine.bundle_id == bundle_id)
        .order_by(col(BundleLine.line))
        .execution_options(populate_existing=True)
    )
    return (await session.exec(query)).all()


async def lock_lines(session: WriteSession, bundle_id: str) -> Sequence[Line]:
    """Return the same with the applications locked, in the order of their ids."""
    ids = select(BundleLine.application_id).where(BundleLine.bundle_id == bundle_id)
    held = select(Application.id).where(col(Application.id).in_(ids))
    await session.exec(held.order_by(col(Application.id)).with_for_update())
    return await lines(session, bundle_id)


async def page(
    session: ReadSession,
    department: str,
    request: PageRequest,
    *,
    open_: bool | None,
) -> Page[Bundle]:
    query = select(Bundle).where(Bundle.department == department)
    if open_ is not None:
        waits = _open_lines().exists()
        query = query.where(waits if open_ else ~waits)
    rows = (await session.exec(request.apply(query, Bundle.id))).all()
    return request.page(rows, "id")


def _open_lines() -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    """Lines about which somebody has to decide, as `states.status` says."""
    signed_out = (col(Application.status) != State.DRAFT) | col(BundleLine.problem).is_(None)
    return (
        select(BundleLine.line)
        .join(Application, col(Application.id) == col(BundleLine.application_id))
        .where(
            col(BundleLine.bundle_id) == col(Bundle.id),
            col(Application.status).in_(UNDECIDED),
            signed_out,
        )
        .correlate(Bundle)
    )


async def statuses(
    session: ReadSession, bundle_ids: Collection[str]
) -> Mapping[str, list[tuple[str, bool]]]:
    """Return of each bundle how its applications stand, and whether a signature did not hold."""
    query = (
        select(BundleLine.bundle_id, Application.status, col(BundleLine.problem).is_not(None))
        .join(Application, col(Application.id) == col(BundleLine.application_id))
        .where(col(BundleLine.bundle_id).in_(bundle_ids))
        .order_by(col(BundleLine.line))
    )
    by_bundle: dict[str, list[tuple[str, bool]]] = {each: [] for each in bundle_ids}
    for bundle_id, status, refused in (await session.exec(query)).all():
        by_bundle[bundle_id].append((status, refused))
    return by_bundle


async def note_problems(
    session: WriteSession, bundle_id: str, problems: Mapping[int, Mapping[str, Any] | None]
) -> None:
    """Write why lines were left out, None where they were not."""
    if not problems:
        return
    table: Any = BundleLine.__table__  # type: ignore[attr-defined]
    statement = (
        core_update(table)
        .where(table.c.bundle_id == bundle_id, table.c.line == bindparam("of_line"))
        .values(problem=bindparam("why"))
    )
    rows = [{"of_line": line, "why": problem} for line, problem in problems.items()]
    await (await session.connection()).execute(statement, rows)


async def note_signature(session: WriteSession, bundle_id: str, **columns: Any) -> Bundle:  # noqa: ANN401 - columns of the row
    statement = (
        update(Bundle)
        .where(col(Bundle.id) == bundle_id)
        .values(**columns)
        .returning(Bundle)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one()
