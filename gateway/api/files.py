"""`/v1/resources/{id}/files`: files that providers hand on as they are, by tus 1.0."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.requests import ClientDisconnect

from exchange.delivery.files import providing
from exchange.delivery.files.errors import ChecksumMismatch
from exchange.delivery.files.providing import BYTES_MAX, NewFile, ProvidedFile
from exchange.delivery.files.states import State
from gateway import tus
from gateway.api.records import ThingId
from gateway.http.errors import RequestTimeout
from gateway.lists import ListOf, Paging
from gateway.once import CREATED, Keyed
from gateway.principal import Caller
from gateway.services import Reading, Using, Writing
from kernel import clock, leaving
from kernel.blobs import Stored
from kernel.wire import Wire

router = APIRouter(prefix="/v1/resources/{id}/files", tags=["files"])

FileId = Annotated[str, Path(min_length=1, max_length=64)]
NO_CONTENT = 204


def _headers(**described: str) -> dict[str, Any]:
    """Return headers of tus for the description of an operation."""
    told = {"Tus-Resumable": "1.0.0", **described}
    parameters = [
        {
            "name": name.replace("_", "-"),
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": description,
        }
        for name, description in told.items()
    ]
    return {"parameters": parameters}


CREATING = _headers(
    Upload_Length="文件字节数 / bytes of the file",
    Upload_Metadata="filename、filetype、sha256，值为 base64 / values in base64",
)
SENDING = _headers(
    Upload_Offset="本段从何处开始 / where the piece begins",
    Upload_Checksum="sha256 <base64>，可省 / of the piece, may be left out",
) | {
    "requestBody": {
        "content": {
            "application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}
        }
    }
}


class FileView(Wire):
    """`received` of `length` bytes are there; `sha256` is known once it is `ready`.

    `job_id` is the job that scans it and compares its digest with the one that was claimed.
    """

    id: str
    name: str
    media: str
    length: int
    received: int
    status: State
    sha256: str | None
    version: int
    created_at: datetime
    expires_at: datetime | None
    ready_at: datetime | None
    job_id: str | None
    url: str


@router.options("", status_code=NO_CONTENT, response_class=Response)
async def abilities(
    id: ThingId,  # noqa: A002, ARG001 - the contract's name
    _: Caller,
) -> Response:
    """断点续传协议的能力 / what of tus is spoken here."""
    return Response(status_code=NO_CONTENT, headers=tus.abilities(BYTES_MAX))


@router.post("", status_code=CREATED, openapi_extra=CREATING)
async def create(
    id: ThingId,  # noqa: A002
    request: Request,
    response: Response,
    principal: Caller,
    session: Writing,
    key: Keyed,
) -> FileView:
    """开始上传文件（tus 1.0 creation） / begin an upload.

    `Upload-Metadata` may name `filename`, `filetype` and the `sha256` of the whole file.
    """
    await providing.require_provider(session, principal, id)
    new = _new(request)
    asked = f"{new.length} {new.name} {new.media} {new.claimed}".encode()
    once = await key.claimed(session, CREATED, content=asked)
    file = await providing.create(session, principal, id, new, now=clock.now())
    await session.refresh(file)
    shown = view(file)
    response.headers.update(tus.told(0, file.length, file.expires_at))
    response.headers["Location"] = shown.url
    return await once.keep(shown)


def _new(request: Request) -> NewFile:
    tus.require_version(request.headers)
    metadata = tus.metadata_of(request.headers)
    return NewFile(
        tus.length_of(request.headers, BYTES_MAX),
        tus.name_of(metadata, "file"),
        tus.media_of(metadata),
        tus.claimed_of(metadata),
    )


@router.get("")
async def page(
    id: ThingId,  # noqa: A002
    principal: Caller,
    session: Reading,
    paging: Paging,
    status: Annotated[State | None, Query()] = None,
) -> ListOf[FileView]:
    """本部门资源的文件 / the files of a resource, for its department."""
    found = await providing.page(session, principal, id, paging, status)
    return ListOf(items=[view(file) for file in found.items], next_cursor=found.next_cursor)


@router.get("/{file_id}")
async def one(
    id: ThingId,  # noqa: A002
    file_id: FileId,
    response: Response,
    principal: Caller,
    session: Reading,
) -> FileView:
    """上传到了哪里（HEAD：tus） / where an upload stands; by HEAD as tus asks it."""
    file = await providing.find(session, principal, id, file_id, reading=True)
    response.headers.update(tus.told(file.received, file.length, file.expires_at))
    return view(file)


@router.patch("/{file_id}", status_code=NO_CONTENT, response_class=Response, openapi_extra=SENDING)
async def append(
    id: ThingId,  # noqa: A002
    file_id: FileId,
    request: Request,
    principal: Caller,
    using: Using,
) -> Response:
    """续传一段（tus PATCH） / add bytes where the upload stands.

    What came is kept when a connection breaks off, unless the piece has an `Upload-Checksum`.
    """
    tus.require_version(request.headers)
    offset, checksum = tus.offset_of(request.headers), tus.checksum_of(request.headers)
    async with using.database.reading() as session:
        file = await providing.find(session, principal, id, file_id)
    providing.require_offset(file, offset)
    leaving.begin()
    body = _Body(request)
    stored = await using.blobs.write(body.pieces(), most_bytes=file.length - offset)
    async with using.blobs.keeping(stored):
        _require_digest(checksum, stored)
        received = offset
        if stored.bytes:
            now = clock.now()
            async with using.database.transaction() as session:
                received = await providing.append(
                    session, using.box, principal, file, offset, stored, now=now
                )
    return await _answer(using, body, file, stored, received)


def _require_digest(checksum: str | None, stored: Stored) -> None:
    if checksum not in (None, stored.sha256):
        raise ChecksumMismatch


async def _answer(
    using: Using, body: "_Body", file: ProvidedFile, stored: Stored, received: int
) -> Response:
    """Tell where the upload stands; raises RequestTimeout where the body was cut off."""
    if not stored.bytes:
        await using.blobs.drop(stored)
    if body.late is not None:
        raise body.late
    return Response(
        status_code=NO_CONTENT, headers=tus.told(received, file.length, file.expires_at)
    )


class _Body:
    """A body that may break off: what came before is kept; `late` is set where it took too long."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.late: RequestTimeout | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._request.stream():
                yield piece
        except ClientDisconnect:
            return
        except RequestTimeout as error:
            self.late = error


@router.delete("/{file_id}", status_code=NO_CONTENT, response_class=Response)
async def remove(
    id: ThingId,  # noqa: A002
    file_id: FileId,
    principal: Caller,
    session: Writing,
) -> Response:
    """终止上传，或撤回文件（tus termination） / end an upload, or take a file back."""
    await providing.remove(session, principal, id, file_id, now=clock.now())
    return Response(status_code=NO_CONTENT, headers={"Tus-Resumable": tus.VERSION})


def view(file: ProvidedFile) -> FileView:
    return FileView(
        id=file.id,
        name=file.name,
        media=file.media,
        length=file.length,
        received=file.received,
        status=State(file.status),
        sha256=file.sha256,
        version=file.version,
        created_at=file.created_at,
        expires_at=file.expires_at,
        ready_at=file.ready_at,
        job_id=file.job_id,
        url=f"/v1/resources/{file.resource_id}/files/{file.id}",
    )
