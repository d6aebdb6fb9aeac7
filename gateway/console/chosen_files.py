"""A file that a person chose once: kept between checking and loading, under a sealed name.

Browsers empty the field of a form that is shown again. The file gets no row, so that whoever does
not load it leaves nothing: `Blobs.sweep` removes it after a day.
"""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.datastructures import UploadFile

from gateway.api.uploads import FILE_MAX, FRAME, NAME_MAX
from gateway.console.visit import Visit
from gateway.services import Services
from kernel.blob_store import FileLost
from kernel.blobs import NoPlaceForFiles, Stored
from kernel.errors import FieldError, Invalid, TooLarge
from kernel.sealed import seal, unseal

FIELD: Final = "chosen"
PURPOSE: Final = "console-chosen-file"
# Less than the day after which a file without a row is removed.
KEPT_SECONDS: Final = 20 * 3600


@dataclass(frozen=True, slots=True)
class Chosen:
    """`sealed` is what a form brings back for it; empty, like `kept`, where nothing can be kept."""

    using: Services
    name: str
    size: int
    kept: Stored | None
    sealed: str
    sent: bytes = b""

    async def content(self, most_bytes: int) -> bytes | None:
        """Return what it holds, None beyond so many bytes; raises Invalid for one that is gone."""
        if self.size > most_bytes:
            return None
        if self.kept is None:
            return self.sent
        try:
            return b"".join([piece async for piece in self.using.blobs.clear(self.kept)])
        except FileLost as error:
            raise _gone() from error

    async def copied(self) -> Stored:
        """Return a copy for a job, which removes its own; raises NoPlaceForFiles, Invalid."""
        if self.kept is None:
            raise NoPlaceForFiles
        try:
            clear = self.using.blobs.clear(self.kept)
            return await self.using.blobs.write(clear, most_bytes=FILE_MAX)
        except FileLost as error:
            raise _gone() from error


async def take(visit: Visit, resource_id: str) -> Chosen:
    """Return the file that the form brings, or the one that was chosen before.

    Raises Invalid, TooLarge, and what the scanner finds.
    """
    sent = visit.upload("file")
    if sent is None:
        return _before(visit, resource_id)
    name, blobs = (sent.filename or "")[-NAME_MAX:], visit.using.blobs
    try:
        kept = await blobs.receive(_frames(sent), most_bytes=FILE_MAX)
    except NoPlaceForFiles:
        return await _unkept(visit, sent, name)
    return Chosen(visit.using, name, kept.bytes, kept, _sealed(visit, resource_id, kept, name))


def again(visit: Visit, resource_id: str) -> Chosen | None:
    """Return the file that a refused form had brought back, None where it is none."""
    try:
        return _before(visit, resource_id)
    except Invalid:
        return None


async def _unkept(visit: Visit, sent: UploadFile, name: str) -> Chosen:
    """Return a file of a platform without a place for files: it is chosen for each button."""
    await sent.seek(0)
    content = await sent.read(FILE_MAX + 1)
    if len(content) > FILE_MAX:
        raise TooLarge(limit_bytes=FILE_MAX)
    return Chosen(visit.using, name, len(content), None, "", content)


async def _frames(sent: UploadFile) -> AsyncIterator[bytes]:
    while frame := await sent.read(FRAME):
        yield frame


def _context(visit: Visit, resource_id: str) -> tuple[bytes, bytes]:
    return visit.principal.department.encode(), resource_id.encode()


def _sealed(visit: Visit, resource_id: str, kept: Stored, name: str) -> str:
    key, at = base64.b64encode(kept.key).decode(), int(visit.now.timestamp())
    told = orjson.dumps([kept.id, key, kept.bytes, kept.sha256, name, at])
    return seal(visit.using.box.derive(PURPOSE), told, *_context(visit, resource_id))


def _before(visit: Visit, resource_id: str) -> Chosen:
    text = visit.typed(FIELD)
    if not text:
        raise Invalid(errors=[FieldError("file", "missing", "请选择文件", "choose a file")])
    context = _context(visit, resource_id)
    opened = unseal(visit.using.box.derive(PURPOSE), text, *context)
    if opened is None:
        raise _gone()
    id_, key, size, sha256, name, at = orjson.loads(opened[0])
    if visit.now.timestamp() - at > KEPT_SECONDS:
        raise _gone()
    kept = Stored(id_, base64.b64decode(key), size, sha256)
    return Chosen(visit.using, name, size, kept, text)


def _gone() -> Invalid:
    told = "先前选择的文件已不再保留，请重新选择", "the file chosen before is gone: choose it again"
    return Invalid(errors=[FieldError("file", "missing", *told)])
