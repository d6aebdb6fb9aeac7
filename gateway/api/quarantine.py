"""`/v1/resources/{id}/quarantine`: records refused by their contract, for their provider."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal, Self

import orjson
from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from catalog.contracts.lines import too_deep
from exchange.publishing import quarantine_entries
from exchange.publishing.quarantine_entries import Criteria, Entry
from gateway import names
from gateway.api.records import ThingId
from gateway.lists import ListOf, Paging
from gateway.names import Fields
from gateway.openapi import ProblemError
from gateway.principal import Caller
from gateway.problems import in_english, listed
from gateway.services import Using, Writing
from kernel.turns import finished
from kernel.wire import Moment, Wire

router = APIRouter(prefix="/v1/resources/{id}/quarantine", tags=["records"])

ENTRIES_MAX = 200
RECEIPT_MAX = 4096
EntryId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9a-f]+-[0-9]+$")]


class QuarantinedView(Wire):
    """A refused record as it was received: JSON as it stood, a string where it was none.

    `index` is its place in the body that was sent; `errors` are the first ten of `error_count`.
    """

    id: str
    receipt_id: str
    client_id: str
    client_name: str | None
    op: Literal["upsert", "delete"]
    index: int
    record: Any
    errors: list[ProblemError]
    error_count: int
    received_at: datetime


class ResolveBody(Wire):
    """Which records are done with: some of them, or all that one publish left."""

    entries: Annotated[list[EntryId], Field(min_length=1, max_length=ENTRIES_MAX)] | None = None
    receipt_id: Annotated[str, Field(min_length=1, max_length=RECEIPT_MAX)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.entries is None) == (self.receipt_id is None):
            raise PydanticCustomError("missing", "entries or receipt_id")
        return self


class Resolved(Wire):
    resolved: int


@router.get("", response_model=ListOf[QuarantinedView])
async def find(  # noqa: PLR0913 - a filter is a parameter
    id: ThingId,  # noqa: A002 - the contract's name
    principal: Caller,
    using: Using,
    session: Writing,
    page: Paging,
    *,
    receipt_id: Annotated[str | None, Query(max_length=RECEIPT_MAX)] = None,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
    accept_language: Annotated[str, Header()] = "",
) -> Response:
    """List the records, the oldest first; for clerks, heads and publishers of the department.

    A page may hold fewer than `limit` when they are large.
    """
    quarantine, criteria = using.bus.quarantine, Criteria(receipt_id, since, until)
    found = await quarantine_entries.page(session, principal, quarantine, id, criteria, page)
    views = [_shown(entry, english=in_english(accept_language)) for entry in found.items]
    await names.add(session, views)
    body = orjson.dumps({"items": views, "next_cursor": found.next_cursor})
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.post("/resolve")
async def resolve(
    id: ThingId,  # noqa: A002 - the contract's name
    body: ResolveBody,
    principal: Caller,
    using: Using,
    session: Writing,
) -> Resolved:
    """Remove records that were corrected and sent again, or given up; those gone do not count."""
    resolved = await quarantine_entries.resolve(
        session,
        principal,
        using.bus.quarantine,
        id,
        entry_ids=body.entries or (),
        receipt_id=body.receipt_id,
    )
    return Resolved(resolved=resolved)


@router.delete("/{entry_id}", status_code=204)
async def remove(
    id: ThingId,  # noqa: A002 - the contract's name
    entry_id: Annotated[str, Path(max_length=64)],
    principal: Caller,
    using: Using,
    session: Writing,
) -> None:
    """Remove one record that was corrected and sent again, or given up."""
    await quarantine_entries.remove(session, principal, using.bus.quarantine, id, entry_id)


def _shown(entry: Entry, *, english: bool) -> Fields:
    return {
        "id": entry.id,
        "receipt_id": entry.receipt_id,
        "client_id": entry.client_id,
        "op": entry.op,
        "index": entry.index,
        "record": as_received(entry.record),
        "errors": listed(entry.errors, english=english),
        "error_count": entry.error_count,
        "received_at": entry.received_at,
    }


def as_received(record: bytes) -> object:
    """Return JSON that every reader can read, byte for byte, and anything else as a string."""
    if finished(too_deep(record)) or not _readable(record):
        return record.decode(errors="replace")
    return orjson.Fragment(record)


def _readable(record: bytes) -> bool:
    """Two readers are asked: one refuses half a character, the other a number without end."""
    try:
        orjson.loads(record)
        json.loads(record)
    except (ValueError, RecursionError):
        return False
    return True
