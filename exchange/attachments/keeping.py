"""Attachments: handed in by departments, referred to by what they prove, and read with it."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from auth.principal import Principal, Role, Scope
from exchange.attachments import store
from exchange.attachments.kinds import MEDIA, Kind
from exchange.attachments.tables import Attached, Attachment
from exchange.events import ExchangeEvent
from kernel import audit, blobs
from kernel.blobs import Stored
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldErrors, NotFound, ShuyuanError
from kernel.secretbox import Secretbox
from kernel.tables import BlobRow

__all__ = ["Attachment", "Find", "attach", "find", "of"]

BYTES_MAX: Final = 10 * 1024 * 1024
# Of one thing.
ATTACHED_MAX: Final = 20
UNUSED: Final = timedelta(days=1)
SWEPT_AT_ONCE: Final = 200
# Things that one attachment is looked for in.
USES_MAX: Final = 500
AUTHORS: Final = (Role.CLERK, Role.HEAD, Role.AUTHORITY)

Find = Callable[[ReadSession, Principal, str], Awaitable[Any]]
"""Returns a thing that the caller may read; raises NotFound."""


def require_author(principal: Principal) -> None:
    """Raise the 403 errors of who hands nothing in."""
    principal.require_scope(Scope.APPLICATIONS_WRITE)
    principal.require_role(*AUTHORS)


def add(
    session: WriteSession,
    box: Secretbox,
    principal: Principal,
    stored: Stored,
    kind: Kind,
    name: str,
    *,
    now: datetime,
) -> Attachment:
    """Make a file known that was looked at and scanned."""
    blobs.add(session, box, stored, media=MEDIA[kind], name=name)
    row = Attachment(
        id=stored.id,
        department=principal.department,
        name=name,
        kind=kind,
        media=MEDIA[kind],
        bytes_=stored.bytes,
        sha256=stored.sha256,
        uploaded_by=principal.id,
        uploaded_at=now,
    )
    session.add(row)
    facts = {"kind": str(kind), "bytes": stored.bytes, "sha256": stored.sha256}
    event = ExchangeEvent.ATTACHMENT_ADDED
    audit.record(session, principal.actor, event, "attachment", row.id, **facts)
    return row


async def attach(
    session: WriteSession,
    principal: Principal,
    kind: str,
    thing_id: str,
    attachment_ids: Sequence[str],
    *,
    path: str = "attachments",
) -> None:
    """Let a thing refer to these attachments of the caller's department, and to no others.

    `kind` is a noun of `gateway/api/attachments.py`: who may read the thing may read them. Called
    in the transaction that writes the thing. Raises Invalid for what is not there.
    """
    await attach_to_all(session, principal, [(kind, thing_id)], attachment_ids, path=path)


async def attach_to_all(
    session: WriteSession,
    principal: Principal,
    things: Sequence[tuple[str, str]],
    attachment_ids: Sequence[str],
    *,
    path: str = "attachments",
) -> None:
    """Let several things, each a kind and an id, refer to the same attachments."""
    errors = FieldErrors()
    known = await store.own(session, principal.department, attachment_ids)
    for nth, attachment_id in enumerate(attachment_ids):
        if attachment_id not in known:
            zh, en = "没有此附件", "there is no such attachment of your department"
            errors.add(f"{path}[{nth}]", "not_found", zh, en)
        elif attachment_id in attachment_ids[:nth]:
            errors.add(f"{path}[{nth}]", "duplicate", "附件重复", "is named before")
    errors.raise_if_any()
    await store.detach(session, things)
    session.add_all(
        Attached(thing_kind=kind, thing_id=thing_id, attachment_id=attachment_id, nth=nth)
        for kind, thing_id in things
        for nth, attachment_id in enumerate(attachment_ids)
    )
    await session.flush()


async def of(
    session: ReadSession, kind: str, thing_ids: Collection[str]
) -> Mapping[str, Sequence[Attachment]]:
    """Return the attachments of things of one kind, with one query for a page of them."""
    return await store.of(session, kind, thing_ids) if thing_ids else {}


async def find(
    session: WriteSession, principal: Principal, attachment_id: str, finders: Mapping[str, Find]
) -> tuple[Attachment, BlobRow]:
    """Return an attachment with its file, and leave a trace of the reading.

    Whoever might have handed it in may read it, and whoever may read what it is attached to.
    Raises NotFound.
    """
    row = await _row(session, attachment_id)
    if not (_is_own(principal, row) or await _is_shown(session, principal, row, finders)):
        raise NotFound
    blob = await blobs.find(session, row.id)
    if blob is None:
        raise NotFound
    event = ExchangeEvent.ATTACHMENT_READ
    audit.record(session, principal.actor, event, "attachment", row.id)
    return row, blob


async def _row(session: ReadSession, attachment_id: str) -> Attachment:
    row = await session.get(Attachment, attachment_id)
    if row is None:
        raise NotFound
    return row


def _is_own(principal: Principal, row: Attachment) -> bool:
    return row.department == principal.department and not principal.roles.isdisjoint(AUTHORS)


async def _is_shown(
    session: ReadSession, principal: Principal, row: Attachment, finders: Mapping[str, Find]
) -> bool:
    for use in await store.uses(session, row.id, USES_MAX):
        finder = finders.get(use.thing_kind)
        if finder is None:
            continue
        try:
            await finder(session, principal, use.thing_id)
        except ShuyuanError:
            continue
        return True
    return False


async def sweep_unused(session: WriteSession, now: datetime) -> int:
    """Forget attachments that nothing has referred to for a day; return how many."""
    return await store.sweep(session, now - UNUSED, SWEPT_AT_ONCE, now)
