"""What headings of a department's files stand for: said once by a person, used by its colleagues.

A heading stands for one item of the resource, or for none (None: its column is left out).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from auth.principal import Principal
from exchange.events import ExchangeEvent
from exchange.publishing.by_hand import UPLOADERS
from exchange.publishing.tables import UploadColumn
from kernel import audit
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError, Invalid

HEADINGS_MAX: Final = 500
HEADING_MAX: Final = 200

Said = Mapping[str, str | None]


async def said(session: ReadSession, department: str, resource_id: str) -> Said:
    """Return what was said of a resource's files, by heading."""
    query = select(UploadColumn.heading, UploadColumn.item).where(
        col(UploadColumn.department) == department, col(UploadColumn.resource_id) == resource_id
    )
    found = (await session.exec(query.order_by(col(UploadColumn.heading)))).all()
    return dict(found)


async def say(
    session: WriteSession, principal: Principal, resource_id: str, said: Said, *, now: datetime
) -> None:
    """Remember what headings stand for, beside what was said of others.

    Of more than HEADINGS_MAX the oldest are forgotten. Raises 403 errors, and Invalid for too many
    headings or one that is too long.
    """
    _require(principal)
    if len(said) > HEADINGS_MAX or any(len(heading) > HEADING_MAX for heading in said):
        raise Invalid(errors=[_too_much()])
    if not said:
        return
    rows = [
        {
            "department": principal.department,
            "resource_id": resource_id,
            "heading": heading,
            "item": item,
            "said_at": now,
        }
        # In one order, so that two people who say it at once do not wait for each other.
        for heading, item in sorted(said.items())
    ]
    adding = insert(UploadColumn)
    changed = {"item": adding.excluded.item, "said_at": adding.excluded.said_at}
    keys = ["department", "resource_id", "heading"]
    await session.execute(
        adding.values(rows).on_conflict_do_update(index_elements=keys, set_=changed)
    )
    await _forget_the_oldest(session, principal.department, resource_id)
    audit.record(
        session,
        principal.actor,
        ExchangeEvent.COLUMNS_SAID,
        "resource",
        resource_id,
        headings=len(said),
    )


async def forget(session: WriteSession, principal: Principal, resource_id: str) -> None:
    """Forget all that was said of a resource's files by the caller's department; 403 errors."""
    _require(principal)
    gone = await session.exec(
        delete(UploadColumn).where(
            col(UploadColumn.department) == principal.department,
            col(UploadColumn.resource_id) == resource_id,
        )
    )
    if gone.rowcount:
        event = ExchangeEvent.COLUMNS_FORGOTTEN
        audit.record(session, principal.actor, event, "resource", resource_id)


def _require(principal: Principal) -> None:
    principal.require_role(*UPLOADERS)


async def _forget_the_oldest(session: WriteSession, department: str, resource_id: str) -> None:
    mine = (
        col(UploadColumn.department) == department,
        col(UploadColumn.resource_id) == resource_id,
    )
    newest = select(UploadColumn.heading).where(*mine)
    kept = newest.order_by(col(UploadColumn.said_at).desc(), col(UploadColumn.heading))
    beyond = kept.offset(HEADINGS_MAX)
    await session.exec(delete(UploadColumn).where(*mine, col(UploadColumn.heading).in_(beyond)))


def _too_much() -> FieldError:
    return FieldError(
        "heading",
        "too_long",
        f"最多记住 {HEADINGS_MAX} 个标题，每个不超过 {HEADING_MAX} 个字",
        f"at most {HEADINGS_MAX} headings of at most {HEADING_MAX} characters are remembered",
    )
