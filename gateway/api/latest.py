"""`/v1/resources/{id}/records`: the latest state of a resource, for its own department."""

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response

from exchange.publishing.own_records import OwnRecord
from gateway.api.quarantine import as_received
from gateway.api.records import ThingId
from gateway.keys_in_paths import key_in
from gateway.lists import ListOf, Paging
from gateway.names import Fields
from gateway.principal import Caller
from gateway.services import Using
from kernel.wire import Verbatim, Wire

router = APIRouter(prefix="/v1/resources/{id}/records", tags=["records"])

KeySegment = Annotated[
    str,
    Path(
        description="记录主键，按百分号编码为一段 / the record's key, one percent-encoded segment",
        max_length=4096,
    ),
]


class OwnRecordView(Wire):
    """The last record of a key, as it was published under `version`.

    `receipt_id` is that of its publish, null when that is not listed any more.
    """

    key: Verbatim
    data: dict[str, Any]
    version: int
    receipt_id: str | None
    published_at: datetime | None


class OwnRecordDetail(OwnRecordView):
    """`as_of` is the moment up to which the log was folded."""

    as_of: datetime


class OwnRecords(ListOf[OwnRecordView]):
    """`as_of` is the moment up to which the log was folded."""

    as_of: datetime


@router.get("", response_model=OwnRecords)
async def page(
    id: ThingId,  # noqa: A002 - the contract's name
    principal: Caller,
    using: Using,
    paging: Paging,
) -> Response:
    """List the last record of each key; for clerks, heads and publishers of the department.

    In an order that no change disturbs; deleted ones are left out. A page may hold fewer than
    `limit` when they are large.
    """
    found = await using.bus.own_records.page(principal, id, paging)
    items = [_shown(record) for record in found.items]
    return _json({"items": items, "next_cursor": found.next_cursor, "as_of": found.as_of})


@router.get("/{key:key}", response_model=OwnRecordDetail)
async def one(
    id: ThingId,  # noqa: A002 - the contract's name
    key: KeySegment,  # noqa: ARG001 - read from the address as it came
    request: Request,
    principal: Caller,
    using: Using,
) -> Response:
    """Return the last record of a key; 404 for one that was deleted."""
    asked = key_in(request.scope["raw_path"])
    record, as_of = await using.bus.own_records.one(principal, id, asked)
    return _json({**_shown(record), "as_of": as_of})


def _shown(record: OwnRecord) -> Fields:
    return {
        "key": record.key,
        "data": as_received(record.value),
        "version": record.version,
        "receipt_id": record.receipt_id,
        "published_at": record.published_at,
    }


def _json(body: Fields) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
