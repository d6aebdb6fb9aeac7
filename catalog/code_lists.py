"""Code lists (代码集): value domains with editions and effective dates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from auth.principal import Principal
from catalog.errors import AlreadyRegistered
from catalog.events import CatalogEvent
from catalog.rules.code_lists import NewCode, edition_errors
from catalog.store import standards as store
from catalog.store.rows import add_once
from catalog.tables import CodeItem, CodeList, CodeListEdition, Standard
from kernel.audit import record
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldErrors, NotFound
from kernel.paging import Page, PageRequest
from kernel.turns import unhurried

# Rows of one statement: some milliseconds of the loop.
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCodeList:
    code: str
    name: str
    standard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEdition:
    """Replaces the edition before it as a whole, from `effective_from` on."""

    edition: str
    effective_from: date
    items: tuple[NewCode, ...]


async def register(
    session: WriteSession, principal: Principal, new: NewCodeList, *, now: datetime
) -> CodeList:
    """Register a code list without values yet; raises AlreadyRegistered or Invalid."""
    principal.require_authority(principal.region_code)
    await require_standard(session, new.standard)
    row = CodeList(code=new.code, name=new.name, standard=new.standard, created_at=now)
    if not await add_once(session, row):
        raise AlreadyRegistered
    record(
        session,
        principal.actor,
        CatalogEvent.CODE_LIST_REGISTERED,
        "code_list",
        new.code,
        standard=new.standard,
    )
    return row


async def require_standard(session: ReadSession, code: str) -> None:
    """Raise Invalid unless the standard is registered."""
    errors = FieldErrors()
    if await session.get(Standard, code) is None:
        errors.add("standard", "not_found", "标准未登记", "the standard is not registered")
    errors.raise_if_any()


async def add_edition(
    session: WriteSession, principal: Principal, code: str, new: NewEdition, *, now: datetime
) -> CodeListEdition:
    """Add an edition; AlreadyRegistered when its name or its first day is taken."""
    principal.require_authority(principal.region_code)
    await get(session, code)
    FieldErrors(await unhurried(edition_errors(new.items))).raise_if_any()
    row = CodeListEdition(
        code_list=code, edition=new.edition, effective_from=new.effective_from, created_at=now
    )
    if not await add_once(session, row):
        raise AlreadyRegistered
    for start in range(0, len(new.items), ROWS_AT_ONCE):
        some = new.items[start : start + ROWS_AT_ONCE]
        await store.add_items(session, [_row(code, new.edition, item) for item in some])
    record(
        session,
        principal.actor,
        CatalogEvent.CODE_LIST_EDITION_ADDED,
        "code_list",
        code,
        edition=new.edition,
        items=len(new.items),
    )
    return row


def _row(code_list: str, edition: str, item: NewCode) -> CodeItem:
    return CodeItem(
        code_list=code_list,
        edition=edition,
        value=item.value,
        name=item.name,
        parent=item.parent,
        effective_from=item.effective_from,
        effective_to=item.effective_to,
        successors=list(item.successors),
    )


async def get(session: ReadSession, code: str) -> CodeList:
    row = await session.get(CodeList, code)
    if row is None:
        raise NotFound
    return row


async def editions(session: ReadSession, code: str) -> Sequence[CodeListEdition]:
    await get(session, code)
    return await store.editions(session, code)


async def values(session: ReadSession, code: str, edition: str) -> Sequence[CodeItem]:
    """Return all values of an edition, those that have ended too."""
    return await store.edition_values(session, code, edition)


async def items(session: ReadSession, code: str, on: date, page: PageRequest) -> Page[CodeItem]:
    """Return the values in force on the day."""
    await get(session, code)
    return await store.items(session, code, on, page)


async def find(session: ReadSession, q: str | None, page: PageRequest) -> Page[CodeList]:
    return await store.code_lists(session, q, page)
