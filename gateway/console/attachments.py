"""附件: documents that a form takes along, looked at and scanned before anything refers to them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from exchange.attachments import keeping
from exchange.attachments.keeping import BYTES_MAX
from exchange.attachments.kinds import Kind, kind_of
from gateway.api.attachments import FINDERS, NAME_MAX, clean_name, pieces
from gateway.api.jobs import download
from gateway.console.pages import page
from gateway.console.visit import Visit
from kernel.blobs import Stored
from kernel.database import WriteSession
from kernel.errors import TooLarge

router = APIRouter()
FIELD: Final = "document"


@dataclass(frozen=True, slots=True)
class Document:
    stored: Stored
    kind: Kind
    name: str


async def received(visit: Visit) -> Document | None:
    """Take in the document of the form, None without one; raises what is wrong with it."""
    sent = visit.upload(FIELD)
    if sent is None:
        return None
    keeping.require_author(visit.principal)
    content = await sent.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise TooLarge(limit_bytes=BYTES_MAX)
    kind = await asyncio.to_thread(kind_of, content)
    stored = await visit.using.blobs.receive(pieces(content), most_bytes=BYTES_MAX)
    return Document(stored, kind, clean_name((sent.filename or "")[-NAME_MAX:]))


@asynccontextmanager
async def writing_with(
    visit: Visit, document: Document | None
) -> AsyncIterator[tuple[WriteSession, list[str]]]:
    """Begin a transaction in which the document is known by its id; it goes where that fails."""
    async with AsyncExitStack() as entered:
        if document is not None:
            await entered.enter_async_context(visit.using.blobs.keeping(document.stored))
        session = await entered.enter_async_context(visit.writing())
        yield session, await _known(visit, session, document)


async def _known(visit: Visit, session: WriteSession, document: Document | None) -> list[str]:
    if document is None:
        return []
    row = keeping.add(
        session,
        visit.using.box,
        visit.principal,
        document.stored,
        document.kind,
        document.name,
        now=visit.now,
    )
    await session.flush()
    return [row.id]


@page(router, "/console/attachments/{id}", "alone.html")
async def content(visit: Visit) -> Response:
    """Download a document, as whoever may read what it is attached to; it leaves a trace."""
    async with visit.writing() as session:
        _row, blob = await keeping.find(session, visit.principal, visit.part("id"), FINDERS)
    return await download(visit.using, blob)
