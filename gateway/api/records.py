"""Records: what `gateway.hot.paths` serves, documented; receipts and positions, served here."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Header, Path, Query, Response

from exchange.log.reader import EARLIEST, LATEST
from exchange.publishing import issued
from exchange.publishing.errors import Misrouted
from exchange.publishing.publish import OnInvalid, Op
from gateway import names
from gateway.hot.paths import LIMIT_DEFAULT, LIMIT_MAX, WAIT_MAX
from gateway.lists import ListOf, Paging
from gateway.names import Fields
from gateway.openapi import ProblemError
from gateway.principal import Caller, RecordsPublisher, RecordsReader
from gateway.problems import in_english
from gateway.receipts import worded
from gateway.services import Reading, Using
from gateway.tags import of_text
from kernel.wire import Moment, Verbatim, Wire

router = APIRouter(tags=["records"])

RECORDS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "一行一条记录 / a record a line"},
                "example": '{"id":"1","name":"甲"}\n{"id":"2","name":"乙"}\n',
            },
            "application/json": {
                "schema": {"anyOf": [{"type": "object"}, {"type": "array", "maxItems": 10_000}]}
            },
        },
    }
}
PAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One line a record: `{op, key, data}`",
        "content": {
            "application/x-ndjson": {
                "schema": {
                    "type": "string",
                    "description": "一行一个 RecordView / a RecordView a line",
                },
                "example": '{"op":"upsert","key":"1","data":{"id":"1","name":"甲"}}\n'
                '{"op":"delete","key":"2"}\n',
            }
        },
        "headers": {
            name: {"schema": {"type": kind}}
            for name, kind in (
                ("Exchange-Next-Cursor", "string"),
                ("Exchange-Count", "integer"),
                ("Exchange-Lag", "integer"),
                ("RateLimit-Policy", "string"),
                ("RateLimit", "string"),
            )
        },
    }
}
ThingId = Annotated[str, Path(pattern=r"^[0-9a-zA-Z_-]{1,64}$")]


class PositionView(Wire):
    """A run of records in one partition of the log; offsets are inclusive."""

    partition: int
    first_offset: int
    last_offset: int


class ReceiptView(Wire):
    """Proof of what was accepted where; `digest` is SHA-256 of the body, in hex.

    `errors` (the first 100 of `error_count`) say why records were left in quarantine.
    """

    receipt_id: str
    resource_id: str
    version: int
    accepted: int
    rejected: int
    positions: list[PositionView]
    digest: str
    errors: list[ProblemError]
    error_count: int = 0


class IssuedReceiptView(ReceiptView):
    """A receipt with when it was issued and to whom; `errors` are told by the receipt alone."""

    resource_name: str | None
    client_id: str
    client_name: str | None
    published_at: datetime


class RecordView(Wire):
    """A line of a pull; `data` comes with an upsert, `correction` where one is mended."""

    op: Literal["upsert", "delete"]
    key: Verbatim
    data: dict[str, Any] | None = None
    unmapped: list[str] | None = None
    correction: str | None = None


class PageView(Wire):
    items: list[RecordView]
    next_cursor: str


class CursorBody(Wire):
    cursor: str


class RewindBody(Wire):
    """`earliest`, `latest`, or a time with offset."""

    to: Literal["earliest", "latest"] | Moment


@router.post(
    "/v1/resources/{id}/records",
    status_code=201,
    openapi_extra=RECORDS,
    operation_id="publishRecords",
)
async def publish(
    id: ThingId,  # noqa: A002 - the contract's name
    principal: RecordsPublisher,
    op: Annotated[Op, Query()] = Op.UPSERT,
    on_invalid: Annotated[OnInvalid, Query()] = OnInvalid.REJECT,
    replacement: Annotated[str | None, Query(max_length=64)] = None,
    idempotency_key: Annotated[str | None, Header(max_length=128)] = None,
    exchange_resource_version: Annotated[int | None, Header(ge=1)] = None,
) -> ReceiptView:
    """Publish records: at most 8 MiB, 10,000 records, 1 MiB a line.

    All or nothing; with `on_invalid=quarantine` the valid ones are accepted, the others kept for
    the provider to correct, and named in `errors`. With `replacement` the records are loaded for
    a full replacement: upserts only.
    """
    raise Misrouted


@router.get("/v1/subscriptions/{id}/records", responses=PAGE, operation_id="pullRecords")
async def pull(
    id: ThingId,  # noqa: A002 - the contract's name
    principal: RecordsReader,
    cursor: Annotated[str | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    wait: Annotated[float, Query(ge=0, le=WAIT_MAX)] = 0,
) -> PageView:
    """Pull the records after a cursor; with `wait`, as soon as there are any."""
    raise Misrouted


@router.get("/v1/receipts", operation_id="listReceipts")
async def list_receipts(
    principal: Caller,
    using: Using,
    session: Reading,
    paging: Paging,
    resource_id: Annotated[str | None, Query(pattern=r"^[0-9a-zA-Z_-]{1,64}$")] = None,
    since: Annotated[Moment | None, Query()] = None,
) -> ListOf[IssuedReceiptView]:
    """List what the caller's department has published, the oldest first; within seconds.

    For its staff, and its clients with `records:publish`; for `SHUYUAN_RECEIPTS_DAYS`.
    """
    key, criteria = using.bus.publisher.receipt_key, issued.Criteria(resource_id, since)
    found = await issued.page(session, principal, key, criteria, paging)
    views: list[Fields] = [
        {**msgspec.structs.asdict(each.receipt), "client_id": each.client_id,
         "published_at": each.published_at}
        for each in found.items
    ]  # fmt: skip
    await names.add(session, views)
    items = [IssuedReceiptView.model_validate(view) for view in views]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/v1/receipts/{receipt_id}", operation_id="getReceipt")
async def receipt(
    receipt_id: Annotated[str, Path(max_length=4096)],
    principal: Caller,
    using: Using,
    session: Reading,
    accept_language: Annotated[str, Header()] = "",
) -> ReceiptView:
    """Read a receipt again; for the publisher's department.

    After `SHUYUAN_QUARANTINE_DAYS` it still says how many records were rejected, not why.
    """
    found = await using.bus.publisher.receipt(session, principal, receipt_id)
    return ReceiptView.model_validate(worded(found, english=in_english(accept_language)))


@router.put("/v1/subscriptions/{id}/position", operation_id="commitPosition")
async def commit(
    id: ThingId,  # noqa: A002 - the contract's name
    body: CursorBody,
    principal: RecordsReader,
    using: Using,
    response: Response,
) -> CursorBody:
    """Store a cursor as the subscription's position: a pull without a cursor starts there."""
    await using.bus.positions.commit(principal, id, body.cursor)
    response.headers["ETag"] = of_text(body.cursor)
    return body


@router.post("/v1/subscriptions/{id}/rewind", operation_id="rewindSubscription")
async def rewind(
    id: ThingId,  # noqa: A002 - the contract's name
    body: RewindBody,
    principal: RecordsReader,
    using: Using,
) -> CursorBody:
    """Return a cursor at the earliest or latest record, or at the first one since a time."""
    places = {"earliest": EARLIEST, "latest": LATEST}
    to = places[body.to] if isinstance(body.to, str) else max(0, int(body.to.timestamp() * 1000))
    return CursorBody(cursor=await using.bus.positions.rewind(principal, id, to))
