"""Standards (一标准): registered by the authority, known to every reader."""

from dataclasses import dataclass
from datetime import date, datetime

from auth.principal import Principal
from catalog.errors import AlreadyRegistered
from catalog.events import CatalogEvent
from catalog.rules.registrars import code_errors
from catalog.store import standards as store
from catalog.store.rows import add_once
from catalog.tables import Standard
from kernel.audit import record
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldErrors, NotFound
from kernel.paging import Page, PageRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStandard:
    code: str
    title: str
    edition: str | None = None
    effective_from: date | None = None


async def register(
    session: WriteSession, principal: Principal, new: NewStandard, *, now: datetime
) -> Standard:
    """Register a standard; raises AlreadyRegistered."""
    principal.require_authority(principal.region_code)
    FieldErrors(list(code_errors(new.code, principal.region_code))).raise_if_any()
    standard = Standard(
        code=new.code,
        title=new.title,
        edition=new.edition,
        effective_from=new.effective_from,
        created_at=now,
    )
    if not await add_once(session, standard):
        raise AlreadyRegistered
    record(
        session,
        principal.actor,
        CatalogEvent.STANDARD_REGISTERED,
        "standard",
        new.code,
        title=new.title,
    )
    return standard


async def get(session: ReadSession, code: str) -> Standard:
    standard = await session.get(Standard, code)
    if standard is None:
        raise NotFound
    return standard


async def find(session: ReadSession, q: str | None, page: PageRequest) -> Page[Standard]:
    return await store.standards(session, q, page)
