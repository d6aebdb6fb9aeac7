"""`/v1/attachments`: documents that prove what departments ask for (docs/api.md section 4)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from auth.principal import Principal, Scope
from exchange.applications import register as applications
from exchange.attachments import keeping
from exchange.attachments.keeping import AUTHORS, BYTES_MAX, Find
from exchange.attachments.kinds import kind_of
from exchange.bundles import register as bundles
from exchange.corrections import register as corrections
from exchange.demands import register as demands
from exchange.disputes import register as disputes
from exchange.orders import register as orders
from gateway.api.attachment_shapes import AttachmentView, view
from gateway.api.jobs import download
from gateway.once import CREATED, Keyed
from gateway.principal import Caller, CatalogReader, asked_first
from gateway.services import Using, Writing
from kernel import clock
from kernel.errors import FieldErrors, TooLarge

router = APIRouter(prefix="/v1/attachments", tags=["attachments"])

FILE: Final = "file"
NAME_MAX: Final = 200
PART: Final = 256 * 1024
FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FILE],
                    "properties": {FILE: {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
# What may have attachments, and who may read it: whoever adds a kind of thing adds it here.
FINDERS: Final[Mapping[str, Find]] = {
    "application": applications.find,
    "bundle": bundles.find,
    "correction": corrections.find,
    "dispute": disputes.find,
    "demand": demands.find,
    "order": orders.find,
    "order_answer": orders.find,
}


@asked_first(Scope.APPLICATIONS_WRITE, AUTHORS)
async def _author(principal: Caller) -> Principal:
    keeping.require_author(principal)
    return principal


@router.post("", status_code=CREATED, openapi_extra=FORM)
async def upload(
    request: Request, principal: Annotated[Principal, Depends(_author)], using: Using, key: Keyed
) -> AttachmentView:
    """上传附件，以内容识别类型 / hand a document in; what it is, its content tells."""
    name, content = await _file(request)
    kind = await asyncio.to_thread(kind_of, content)
    stored = await using.blobs.receive(pieces(content), most_bytes=BYTES_MAX)
    async with using.blobs.keeping(stored), using.database.transaction() as session:
        asked = f"{name}\n{stored.sha256}".encode()
        once = await key.claimed(session, CREATED, content=asked)
        row = keeping.add(session, using.box, principal, stored, kind, name, now=clock.now())
        return await once.keep(view(row))


async def _file(request: Request) -> tuple[str, bytes]:
    """Return name and content of the one file; raises TooLarge, Invalid."""
    errors = FieldErrors()
    async with request.form(max_files=1, max_fields=4) as form:
        sent = form.get(FILE)
        content, name = b"", ""
        if isinstance(sent, UploadFile):
            content = await sent.read(BYTES_MAX + 1)
            name = (sent.filename or "")[-NAME_MAX:]
    if len(content) > BYTES_MAX:
        raise TooLarge(limit_bytes=BYTES_MAX)
    if not content:
        zh, en = "请在 file 一项中上传一个非空的文件", "send a file that is not empty as `file`"
        errors.add(FILE, "too_short", zh, en)
        errors.raise_if_any()
    return clean_name(name), content


def clean_name(name: str) -> str:
    """Return the last part of a path, without what cannot stand in a header or a page."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable()).strip() or "附件"


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), PART):
        yield content[begin : begin + PART]


@router.get("/{attachment_id}", response_class=Response)
async def find(
    attachment_id: str, session: Writing, principal: CatalogReader, using: Using
) -> Response:
    """下载附件：双方及其主管部门 / the parties to what it is attached to, and their authority."""
    _row, blob = await keeping.find(session, principal, attachment_id, FINDERS)
    return await download(using, blob)
