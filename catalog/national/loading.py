"""Loads the national standards that ship with the platform; what is there already stays."""

from dataclasses import dataclass
from datetime import datetime

from catalog import code_lists
from catalog.code_lists import NewEdition
from catalog.events import CatalogEvent
from catalog.national import divisions, files
from catalog.national.files import NationalEdition
from catalog.store import standards as store
from catalog.store.rows import add_once
from catalog.tables import CodeList, Standard
from kernel.actor import SYSTEM
from kernel.audit import record
from kernel.database import WriteSession


@dataclass(slots=True)
class Loaded:
    """How many were new; all are 0 when everything was there."""

    standards: int = 0
    code_lists: int = 0
    editions: int = 0


async def load(session: WriteSession, *, now: datetime) -> Loaded:
    """Add what is missing; to repeat it changes nothing."""
    loaded = Loaded()
    for standard in files.standards():
        row = Standard(
            code=standard.code,
            title=standard.title,
            edition=standard.edition,
            effective_from=standard.effective_from,
            created_at=now,
        )
        if await add_once(session, row):
            loaded.standards += 1
            title = standard.title
            event = CatalogEvent.STANDARD_REGISTERED
            record(session, SYSTEM, event, "standard", standard.code, title=title)
    for edition in (*files.editions(), *divisions.editions()):
        await _load_edition(session, edition, loaded, now)
    return loaded


async def _load_edition(
    session: WriteSession, edition: NationalEdition, loaded: Loaded, now: datetime
) -> None:
    code = edition.code_list
    row = CodeList(code=code, name=edition.name, standard=edition.standard, created_at=now)
    if await add_once(session, row):
        loaded.code_lists += 1
        event = CatalogEvent.CODE_LIST_REGISTERED
        record(session, SYSTEM, event, "code_list", code, standard=edition.standard)
    present = await store.editions(session, code)
    newest = max((each.effective_from for each in present), default=None)
    known = any(each.edition == edition.edition for each in present)
    # What an authority has added since is newer, and stays the newest.
    if known or (newest is not None and edition.effective_from <= newest):
        return
    new = NewEdition(
        edition=edition.edition, effective_from=edition.effective_from, items=edition.items
    )
    await code_lists.put_edition(session, SYSTEM, code, new, now=now)
    loaded.editions += 1
