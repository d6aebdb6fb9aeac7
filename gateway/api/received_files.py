"""`/v1/subscriptions/{id}/files`: files of a resource, for grants of mode `file`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from exchange.delivery.files.providing import ProvidedFile
from exchange.delivery.files.receiving import Wanted
from gateway.api.files import FileId
from gateway.api.records import ThingId
from gateway.api.snapshots import FILE
from gateway.downloads import download
from gateway.lists import ListOf, Paging
from gateway.principal import Caller
from gateway.services import Using
from gateway.token_caller import TokenCaller
from kernel.wire import Moment, Wire

router = APIRouter(prefix="/v1/subscriptions/{id}/files", tags=["files"])


class ReceivedFileView(Wire):
    """A file that can be downloaded; `sha256` is hexadecimal."""

    id: str
    name: str
    media: str
    bytes: int
    sha256: str
    version: int
    ready_at: datetime
    url: str


@router.get("")
async def page(
    id: ThingId,  # noqa: A002 - the contract's name
    request: Request,
    _: Caller,
    using: Using,
    paging: Paging,
    since: Annotated[Moment | None, Query()] = None,
) -> ListOf[ReceivedFileView]:
    """可下载的文件 / the files that can be downloaded."""
    caller, wanted = TokenCaller(using, request), Wanted(paging, since)
    found = await using.bus.received_files.page(caller, id, wanted)
    items = [view(id, file) for file in found.items]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{file_id}", response_class=Response, responses=FILE)
async def content(
    id: ThingId,  # noqa: A002
    file_id: FileId,
    request: Request,
    principal: Caller,
    using: Using,
) -> Response:
    """下载文件，可分段、可续传 / the file, or ranges of it; one unit of the quota."""
    await using.gate.take(using.gate.buckets(principal, id))
    opened = await using.bus.received_files.open(TokenCaller(using, request), id, file_id)
    blob, at = opened.blob, opened.made_at
    return await download(using, request, blob, at, opened.admission, opened.page)


def view(subscription_id: str, file: ProvidedFile) -> ReceivedFileView:
    return ReceivedFileView(
        id=file.id,
        name=file.name,
        media=file.media,
        bytes=file.length,
        sha256=file.sha256 or "",
        version=file.version,
        ready_at=file.ready_at or file.created_at,
        url=f"/v1/subscriptions/{subscription_id}/files/{file.id}",
    )
