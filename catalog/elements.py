"""Elements (数据元): one kind of datum each, of which only the words change once registered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from auth.principal import Principal, Role
from auth.regions.codes import canonical
from catalog.contracts.errors import UnsafePattern
from catalog.contracts.patterns import check_pattern
from catalog.errors import AlreadyRegistered
from catalog.events import CatalogEvent
from catalog.rules.elements import CHANGEABLE, NewElement, change_errors, element_errors
from catalog.rules.registrars import code_errors, registrar_of
from catalog.rules.words import pairs
from catalog.store import elements as store
from catalog.store import standards as standard_store
from catalog.store.rows import add_all_once
from catalog.tables import CodeList, Element, Standard
from kernel.audit import record
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError, FieldErrors, IllegalTransition, NotFound, Stale
from kernel.paging import Page, PageRequest


async def register(
    session: WriteSession, principal: Principal, new: NewElement, *, now: datetime
) -> Element:
    """Register an element; raises AlreadyRegistered, or Invalid with every reason."""
    [element] = await register_all(session, principal, [new], now=now)
    return element


async def register_all(
    session: WriteSession, principal: Principal, several: Sequence[NewElement], *, now: datetime
) -> list[Element]:
    """Register elements together; raises as `register` for the first that is wrong.

    Some are written then: the caller undoes its transaction, or its savepoint.
    """
    principal.require_authority(principal.region_code)
    references = await _references(session, several)
    for new in several:
        codes = code_errors(new.code, principal.region_code)
        found = [*codes, *element_errors(new), *_pattern_errors(new.pattern)]
        FieldErrors(found + _reference_errors(new, references)).raise_if_any()
    region = canonical(principal.region_code)
    elements = [
        Element(**asdict(new), name_grams=pairs(new.name), region_code=region, created_at=now)
        for new in several
    ]
    if await add_all_once(session, elements) < len(elements):
        raise AlreadyRegistered
    for new in several:
        _record_registered(session, principal, new)
    return elements


def _record_registered(session: WriteSession, principal: Principal, new: NewElement) -> None:
    record(
        session,
        principal.actor,
        CatalogEvent.ELEMENT_REGISTERED,
        "element",
        new.code,
        standard=new.standard,
        sensitivity=new.sensitivity,
    )


async def own(session: ReadSession, principal: Principal, code: str) -> Element:
    """Return an element that the caller's authority, or one below it, registered; 403 errors."""
    principal.require_role(Role.AUTHORITY)
    element = await get(session, code)
    principal.require_authority(registrar_of(element.region_code))
    return element


def require_in_use(element: Element) -> None:
    """Raise IllegalTransition for an element that was retired."""
    if element.retired_at is not None:
        raise IllegalTransition(state="retired", allowed=[])


async def change(
    session: WriteSession,
    principal: Principal,
    code: str,
    changes: Mapping[str, Any],
    *,
    revision: int | None,
) -> Element:
    """Correct the words of an element, or raise its sensitivity; read at `revision`, None for any.

    Raises 403 errors, IllegalTransition, Stale, and Invalid for whatever contracts are built from.
    """
    element = await own(session, principal, code)
    if revision not in (None, element.revision):
        raise Stale
    require_in_use(element)
    FieldErrors(list(change_errors(element, changes))).raise_if_any()
    words = {name: value for name, value in changes.items() if name in CHANGEABLE}
    found_by = {"name_grams": pairs(words["name"])} if "name" in words else {}
    if not await store.change(session, element, words | found_by):
        raise Stale
    record(
        session,
        principal.actor,
        CatalogEvent.ELEMENT_CHANGED,
        "element",
        code,
        fields=sorted(words),
        sensitivity=element.sensitivity,
    )
    return element


async def retire(
    session: WriteSession, principal: Principal, code: str, *, reason: str | None, now: datetime
) -> Element:
    """Let no new item be bound to the element; entries that carry it go on."""
    element = await own(session, principal, code)
    require_in_use(element)
    if not await store.change(session, element, {"retired_at": now, "retire_reason": reason}):
        await session.refresh(element)
        require_in_use(element)
        raise Stale
    event = CatalogEvent.ELEMENT_RETIRED
    record(session, principal.actor, event, "element", code, reason=reason)
    return element


def _pattern_errors(pattern: str | None) -> list[FieldError]:
    if pattern is None:
        return []
    try:
        check_pattern(pattern)
    except UnsafePattern as refused:
        return list(refused.errors)
    return []


class _References(NamedTuple):
    """Those of the standards and code lists referred to that are registered."""

    standards: Collection[str]
    code_lists: Collection[str]


async def _references(session: ReadSession, several: Sequence[NewElement]) -> _References:
    standards = {new.standard for new in several}
    lists = {new.code_list for new in several if new.code_list is not None}
    return _References(
        await standard_store.registered(session, Standard.code, standards),
        await standard_store.registered(session, CodeList.code, lists),
    )


def _reference_errors(new: NewElement, known: _References) -> list[FieldError]:
    errors = []
    if new.standard not in known.standards:
        errors.append(
            FieldError("standard", "not_found", "标准未登记", "the standard is not registered")
        )
    if new.code_list is not None and new.code_list not in known.code_lists:
        errors.append(
            FieldError("code_list", "not_found", "代码集未登记", "the list is not registered")
        )
    return errors


async def get(session: ReadSession, code: str) -> Element:
    element = await session.get(Element, code)
    if element is None:
        raise NotFound
    return element


async def registered(session: ReadSession, codes: Collection[str]) -> frozenset[str]:
    """Return those of the codes that are registered."""
    return frozenset(await store.by_code(session, codes))


async def find(
    session: ReadSession,
    page: PageRequest,
    *,
    q: str | None = None,
    standard: str | None = None,
    data_type: str | None = None,
) -> Page[Element]:
    return await store.find(session, q, standard, data_type, page)
