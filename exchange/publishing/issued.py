"""Receipts by list: what a department has published, and by which of its systems."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select, tuple_

from auth.principal import Principal, Scope
from catalog import versions
from exchange.log.accepted import accepted
from exchange.publishing import receipts
from exchange.publishing.receipts import Receipt
from exchange.publishing.tables import IssuedReceipt
from kernel import batches
from kernel.database import ReadSession, WriteSession
from kernel.errors import InvalidCursor, NotFound
from kernel.paging import Page, PageRequest, encode


@dataclass(frozen=True, slots=True)
class Issued:
    """A receipt, when it was issued and to whom; errors are told by the receipt itself."""

    receipt: Receipt
    client_id: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which receipts to list; None leaves a criterion out."""

    resource_id: str | None = None
    since: datetime | None = None


async def page(
    session: ReadSession,
    principal: Principal,
    key: bytes,
    criteria: Criteria,
    request: PageRequest,
) -> Page[Issued]:
    """Return receipts of the caller's department, the oldest first.

    Raises InsufficientScope, and NotFound for a resource of another department.
    """
    scope = Scope.RECORDS_PUBLISH if principal.kind == "client" else Scope.CATALOG_READ
    principal.require_scope(scope)
    resource_id = criteria.resource_id
    if resource_id is not None:
        if await versions.department_of(session, resource_id) != principal.department:
            raise NotFound
        query = select(IssuedReceipt).where(IssuedReceipt.resource_id == resource_id)
    else:
        query = select(IssuedReceipt).where(IssuedReceipt.department == principal.department)
    if criteria.since is not None:
        query = query.where(col(IssuedReceipt.at) >= criteria.since)
    if request.after is not None:
        place = tuple_(col(IssuedReceipt.at), col(IssuedReceipt.id))
        query = query.where(place > tuple_(*_place(request.after)))
    query = query.order_by(col(IssuedReceipt.at), col(IssuedReceipt.id)).limit(request.limit + 1)
    return _page((await session.exec(query)).all(), key, request.limit)


def _page(rows: Sequence[IssuedReceipt], key: bytes, limit: int) -> Page[Issued]:
    page_rows = rows[:limit]
    more = len(rows) > limit
    cursor = encode(f"{page_rows[-1].at.isoformat()} {page_rows[-1].id}") if more else None
    return Page([_issued(key, row) for row in page_rows], cursor)


def _issued(key: bytes, row: IssuedReceipt) -> Issued:
    stored = accepted(row.accepted)
    receipt = receipts.issue(key, resource_id=row.resource_id, accepted=stored, digest=row.digest)
    return Issued(receipt, row.client_id, row.at)


def _place(after: str) -> tuple[datetime, int]:
    """Return where a page begins; raises InvalidCursor."""
    at, _, number = after.partition(" ")
    try:
        moment, place = datetime.fromisoformat(at), int(number)
    except ValueError as error:
        raise InvalidCursor from error
    if moment.tzinfo is None or not 0 <= place < 2**63:
        raise InvalidCursor
    return moment, place


async def forget_old(session: WriteSession, now: datetime, *, days: int) -> int:
    """Forget receipts older than `days`, at most a batch; return how many.

    A receipt is still read by its id: the id holds all of it.
    """
    before = now - timedelta(days=days)
    return await batches.delete_some(session, IssuedReceipt, col(IssuedReceipt.at) < before)
