"""Who claims the same: the open claims and the active source of one element and region."""

from collections.abc import Sequence

from catalog import sources
from catalog.store import sources as store
from catalog.tables import Source
from kernel.database import ReadSession


async def contest(session: ReadSession, source_id: str) -> tuple[Source, Sequence[Source]]:
    """Return a claim and all that stand in its element and region; NotFound."""
    source = await sources.get(session, source_id)
    return source, await store.rivals(session, source.element, source.region_code)
