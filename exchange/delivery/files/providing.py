"""Files as their provider sends them: created, continued, taken back (tus 1.0)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from auth.principal import Principal, Role, Scope
from catalog import versions
from exchange.delivery.files import store
from exchange.delivery.files.errors import FilesNotAllowed, WrongOffset
from exchange.delivery.files.states import State
from exchange.delivery.files.tables import FilePart, ProvidedFile
from exchange.events import ExchangeEvent
from kernel import audit, blobs, jobs
from kernel.blobs import Stored
from kernel.changes import announce
from kernel.database import ReadSession, WriteSession
from kernel.errors import IllegalTransition, NotFound, TooLarge, TooMany
from kernel.ids import new_id
from kernel.jobs import NewJob
from kernel.paging import Page, PageRequest
from kernel.secretbox import Secretbox

__all__ = [
    "BYTES_MAX",
    "KIND",
    "NewFile",
    "ProvidedFile",
    "append",
    "create",
    "find",
    "page",
    "remove",
    "require_offset",
    "require_provider",
]

MODE: Final = "file"
KIND: Final = "file.finish"
BYTES_MAX: Final = 50 * 1024**3
OPEN_MAX: Final = 20
PARTS_MAX: Final = 20_000
KEPT: Final = timedelta(hours=24)
"""An upload that nobody goes on with is given up after so long."""
GRADE_MAX: Final = 2
RETRY_SECONDS: Final = 60
PERSON: Final = "person"
PART_MEDIA: Final = "application/offset+octet-stream"


@dataclass(frozen=True, slots=True)
class NewFile:
    """What an upload says of the file that is to come; `claimed` is its SHA-256, in hexadecimal."""

    length: int
    name: str
    media: str
    claimed: str | None = None


async def require_provider(
    session: ReadSession, principal: Principal, resource_id: str, *, reading: bool = False
) -> None:
    """Raise unless a client or a clerk of the resource's department asks; a head may read."""
    if principal.kind == PERSON:
        principal.require_scope(Scope.CATALOG_READ if reading else Scope.CATALOG_WRITE)
        principal.require_role(Role.CLERK, *((Role.HEAD,) if reading else ()))
    else:
        principal.require_scope(Scope.RECORDS_PUBLISH)
    shown = await versions.shown(session, principal, resource_id)
    principal.require_department(shown.resource.department)


async def create(
    session: WriteSession, principal: Principal, resource_id: str, new: NewFile, *, now: datetime
) -> ProvidedFile:
    """Begin an upload; raises 403 errors, NotFound, FilesNotAllowed, TooLarge and TooMany."""
    await require_provider(session, principal, resource_id)
    published = await versions.contract_of(session, resource_id, None)
    entry = (await versions.shown(session, principal, resource_id, published.version)).version
    require_allowed(entry.grade, entry.share_modes, masked=bool(published.masks))
    if new.length > BYTES_MAX:
        raise TooLarge(limit_bytes=BYTES_MAX)
    if await store.count_open(session, resource_id) >= OPEN_MAX:
        raise TooMany(
            f"该资源未完成的上传已达 {OPEN_MAX} 个",
            f"The resource has {OPEN_MAX} open uploads",
            retry_after_seconds=RETRY_SECONDS,
            policy="uploads",
        )
    file = ProvidedFile(
        id=new_id(),
        resource_id=resource_id,
        version=published.version,
        name=new.name,
        media=new.media,
        length=new.length,
        claimed=new.claimed,
        status=State.OPEN,
        created_by_kind=principal.kind,
        created_by=principal.id,
        created_at=now,
        expires_at=now + KEPT,
    )
    session.add(file)
    await session.flush()
    facts = {"file": file.id, "length": new.length}
    event = ExchangeEvent.FILE_BEGUN
    audit.record(session, principal.actor, event, "resource", resource_id, **facts)
    if not new.length:
        await _complete(session, principal, file)
    return file


def require_allowed(grade: int, share_modes: Collection[str], *, masked: bool) -> None:
    """Raise FilesNotAllowed for entries whose records cannot be handed on as they are."""
    if grade > GRADE_MAX or masked or MODE not in share_modes:
        raise FilesNotAllowed


async def find(
    session: ReadSession,
    principal: Principal,
    resource_id: str,
    file_id: str,
    *,
    reading: bool = False,
) -> ProvidedFile:
    """Return a file of the own department; raises 403 errors and NotFound."""
    await require_provider(session, principal, resource_id, reading=reading)
    file = await store.find(session, resource_id, file_id)
    if file is None:
        raise NotFound
    return file


async def page(
    session: ReadSession,
    principal: Principal,
    resource_id: str,
    request: PageRequest,
    state: State | None,
) -> Page[ProvidedFile]:
    """Return the files of a resource, uploads that are open too."""
    await require_provider(session, principal, resource_id, reading=True)
    return await store.page(session, resource_id, request, state=state)


def require_offset(file: ProvidedFile, offset: int) -> None:
    """Raise WrongOffset unless bytes from there on are what is missing."""
    if file.status != State.OPEN or offset != file.received:
        raise WrongOffset(file.received)


async def append(
    session: WriteSession,
    box: Secretbox,
    principal: Principal,
    file: ProvidedFile,
    start: int,
    stored: Stored,
    *,
    now: datetime,
) -> int:
    """Take a part in, and return where the upload stands; what is complete is checked by a job.

    Raises WrongOffset where somebody else went on meanwhile.
    """
    if await store.count_parts(session, file.id) >= PARTS_MAX:
        raise TooLarge(limit=PARTS_MAX)
    blobs.add(session, box, stored, media=PART_MEDIA, name=file.id)
    part = FilePart(file_id=file.id, start=start, blob_id=stored.id)
    if not await store.advance(session, file, part, stored.bytes, now + KEPT):
        raise WrongOffset(file.received)
    received = start + stored.bytes
    if received == file.length:
        await _complete(session, principal, file)
    return received


async def _complete(session: WriteSession, principal: Principal, file: ProvidedFile) -> None:
    """Have the whole scanned, compared and written in one piece."""
    arguments = {"resource_id": file.resource_id, "file_id": file.id}
    new = NewJob(kind=KIND, arguments=arguments, scopes=principal.scopes)
    job = await jobs.add(session, principal.actor, new)
    await store.move(session, file.id, State.OPEN, State.CHECKING, job_id=job.id, expires_at=None)


async def remove(
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    file_id: str,
    *,
    now: datetime,
) -> None:
    """End an upload, or take a file back: nobody downloads it any more.

    Downloads of the resource that are under way are asked about anew, and cut short (P3).
    """
    file = await find(session, principal, resource_id, file_id)
    if file.status == State.CHECKING:
        raise IllegalTransition(state=file.status, allowed=[])
    await store.remove(session, file, now)
    if file.status == State.READY:
        await announce(session, "resource", resource_id)
    facts = {"file": file.id, "status": file.status, "sha256": file.sha256}
    event = ExchangeEvent.FILE_REMOVED
    audit.record(session, principal.actor, event, "resource", resource_id, **facts)
