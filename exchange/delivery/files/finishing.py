"""The job of an upload that is complete: scanned, compared, written in one piece."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from exchange.delivery.files import store
from exchange.delivery.files.providing import KEPT
from exchange.delivery.files.states import State
from exchange.delivery.files.tables import ProvidedFile
from exchange.events import ExchangeEvent
from exchange.modes import Live
from exchange.subscriptions import store as subscriptions
from kernel import audit, blobs, clock
from kernel.blobs import Stored
from kernel.errors import FieldError, Invalid, ShuyuanError, Unavailable
from kernel.jobs import LeaseLost, Run
from kernel.tables import BlobRow

TOLD_EVERY: Final = 1024**3


async def finish(run: Run) -> None:
    """Make a file ready, or refuse it; raises what was wrong with it."""
    async with run.database.reading() as session:
        file = await store.find(session, run.arguments["resource_id"], run.arguments["file_id"])
        if file is None or file.status != State.CHECKING:
            return
        parts = [blob for _start, blob in await store.parts(session, file.id)]
    try:
        stored = await _whole(run, file, parts)
    except (Unavailable, LeaseLost):
        raise
    except ShuyuanError as error:
        await _refuse(run, file, error)
        raise
    async with run.blobs.keeping(stored):
        await _ready(run, file, stored)


async def _whole(run: Run, file: ProvidedFile, parts: Sequence[BlobRow]) -> Stored:
    """Write all parts into one file and have it scanned; raises Invalid, Infected, NotScanned."""
    run.done, run.total = 0, file.length
    async with aclosing(_content(run, parts)) as content:
        stored = await run.blobs.receive(content, most_bytes=max(file.length, 1))
    if stored.bytes == file.length and file.claimed in (None, stored.sha256):
        return stored
    await run.blobs.drop(stored)
    told = "内容的 SHA-256 与声明的不符", "its SHA-256 is not the one that was claimed"
    raise Invalid(errors=[FieldError("sha256", "mismatch", *told)])


async def _content(run: Run, parts: Sequence[BlobRow]) -> AsyncGenerator[bytes]:
    told = 0
    for part in parts:
        async for frame in run.blobs.content(part, run.box):
            run.done += len(frame)
            yield frame
        if run.done - told >= TOLD_EVERY:
            told = run.done
            async with run.transaction():
                pass


async def _ready(run: Run, file: ProvidedFile, stored: Stored) -> None:
    now, event = clock.now(), ExchangeEvent.FILE_PROVIDED
    facts = {"file": file.id, "bytes": stored.bytes, "sha256": stored.sha256}
    async with run.transaction() as session:
        blobs.add(session, run.box, stored, media=file.media, name=file.name)
        done = {"blob_id": stored.id, "sha256": stored.sha256, "ready_at": now}
        await store.move(session, file.id, State.CHECKING, State.READY, **done)
        await store.drop_parts(session, file.id, now)
        await subscriptions.note_live(session, Live.FILE, [file.resource_id], now)
        audit.record(session, run.author, event, "resource", file.resource_id, **facts)


async def _refuse(run: Run, file: ProvidedFile, error: ShuyuanError) -> None:
    now, event = clock.now(), ExchangeEvent.FILE_REFUSED
    async with run.transaction() as session:
        gone = {"expires_at": now + KEPT}
        await store.move(session, file.id, State.CHECKING, State.REFUSED, **gone)
        await store.drop_parts(session, file.id, now)
        facts = {"file": file.id, "code": error.code}
        audit.record(session, run.author, event, "resource", file.resource_id, **facts)
