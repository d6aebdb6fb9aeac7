"""How things name their attachments."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from exchange.attachments import keeping
from exchange.attachments.keeping import Attachment
from exchange.attachments.kinds import Kind
from gateway.names import Fields
from kernel.database import ReadSession
from kernel.wire import Wire

# Ids of attachments of one's own department; none unless some are named.
Attachments = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]],
    Field(max_length=keeping.ATTACHED_MAX, default_factory=list),
]
FIELD: Final = "attachments"


class AttachmentView(Wire):
    """`kind` is told by the content; `name` is what it was called where it came from."""

    id: str
    name: str
    kind: Kind
    media: str
    bytes: int
    sha256: str
    uploaded_at: datetime


def view(row: Attachment) -> AttachmentView:
    return AttachmentView(
        id=row.id,
        name=row.name,
        kind=Kind(row.kind),
        media=row.media,
        bytes=row.bytes_,
        sha256=row.sha256,
        uploaded_at=row.uploaded_at,
    )


async def add(
    session: ReadSession, kind: str, views: Sequence[Fields], *, field: str = FIELD
) -> None:
    """Put the attachments of each thing of a page into its view, with one query."""
    found = await _views(session, kind, [each["id"] for each in views])
    for each in views:
        each[field] = found.get(each["id"], ())


async def _views(
    session: ReadSession, kind: str, thing_ids: Collection[str]
) -> Mapping[str, Sequence[AttachmentView]]:
    rows = await keeping.of(session, kind, thing_ids)
    return {thing_id: [view(row) for row in found] for thing_id, found in rows.items()}
