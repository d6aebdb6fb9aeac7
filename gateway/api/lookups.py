"""Query and verify: what `gateway.hot.lookups` serves, documented."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter

from exchange.publishing.errors import Misrouted
from gateway.api.latest import KeySegment
from gateway.api.records import ThingId
from gateway.hot.lookups import QueryBody, VerifyBody
from gateway.principal import RecordsReader
from kernel.wire import Verbatim, Wire

router = APIRouter(prefix="/v1/subscriptions/{id}", tags=["records"])


class RowView(Wire):
    """The last record of a key as the subscription sees it; `version` is that of its contract.

    `unmapped` are items whose value has no single one in the edition that was asked for.
    """

    key: Verbatim
    data: dict[str, Any]
    unmapped: list[str] | None = None
    version: int


class RowDetail(RowView):
    """`as_of` is the moment up to which the log was folded."""

    as_of: datetime


class RowsView(Wire):
    items: list[RowView]
    next_cursor: str | None
    as_of: datetime


class Verified(Wire):
    """`mismatched` are the items that are not so, where the agreement allows telling them."""

    match: bool
    mismatched: list[str] | None = None


@router.get("/records/{key:key}")
async def query_one(
    id: ThingId,  # noqa: A002 - the contract's name
    key: KeySegment,
    principal: RecordsReader,
) -> RowDetail:
    """Return the last record of a key, for subscriptions of mode `query`; a hidden row is 404.

    The key is the real one, whatever its mask. A personal key is better asked for by `query`.
    """
    raise Misrouted


@router.post("/query")
async def query(
    id: ThingId,  # noqa: A002 - the contract's name
    body: QueryBody,
    principal: RecordsReader,
) -> RowsView:
    """Return the last records that pass all conditions, for subscriptions of mode `query`.

    On items that are granted, not masked and `searchable`, and on those of the key.
    """
    raise Misrouted


@router.post("/verify", response_model_exclude_unset=True)
async def verify(
    id: ThingId,  # noqa: A002 - the contract's name
    body: VerifyBody,
    principal: RecordsReader,
) -> Verified:
    """Tell whether a record is as expected, for subscriptions of mode `verify`; never a value."""
    raise Misrouted
