"""Elements (数据元): one kind of datum each, never changed once registered."""

from dataclasses import asdict
from datetime import datetime

from auth.principal import Principal
from catalog.contracts.errors import UnsafePattern
from catalog.contracts.patterns import check_pattern
from catalog.errors import AlreadyRegistered
from catalog.events import CatalogEvent
from catalog.rules.elements import NewElement, element_errors
from catalog.store import elements as store
from catalog.store.rows import add_once
from catalog.tables import CodeList, Element, Standard
from kernel.audit import record
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError, FieldErrors, NotFound
from kernel.paging import Page, PageRequest


async def register(
    session: WriteSession, principal: Principal, new: NewElement, *, now: datetime
) -> Element:
    """Register an element; raises AlreadyRegistered, or Invalid with every reason."""
    principal.require_authority(principal.region_code)
    found = [*element_errors(new), *_pattern_errors(new.pattern)]
    FieldErrors(found + await _reference_errors(session, new)).raise_if_any()
    element = Element(**asdict(new), created_at=now)
    if not await add_once(session, element):
        raise AlreadyRegistered
    record(
        session,
        principal.actor,
        CatalogEvent.ELEMENT_REGISTERED,
        "element",
        new.code,
        standard=new.standard,
        sensitivity=new.sensitivity,
    )
    return element


def _pattern_errors(pattern: str | None) -> list[FieldError]:
    if pattern is None:
        return []
    try:
        check_pattern(pattern)
    except UnsafePattern as refused:
        return list(refused.errors)
    return []


async def _reference_errors(session: ReadSession, new: NewElement) -> list[FieldError]:
    errors = []
    if await session.get(Standard, new.standard) is None:
        errors.append(
            FieldError("standard", "not_found", "标准未登记", "the standard is not registered")
        )
    if new.code_list is not None and await session.get(CodeList, new.code_list) is None:
        errors.append(
            FieldError("code_list", "not_found", "代码集未登记", "the list is not registered")
        )
    return errors


async def get(session: ReadSession, code: str) -> Element:
    element = await session.get(Element, code)
    if element is None:
        raise NotFound
    return element


async def find(
    session: ReadSession,
    page: PageRequest,
    *,
    q: str | None = None,
    standard: str | None = None,
    data_type: str | None = None,
) -> Page[Element]:
    return await store.find(session, q, standard, data_type, page)
