"""Code lists (代码集): value domains with editions and effective dates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from auth.principal import Principal, Role
from auth.regions.codes import canonical
from catalog.errors import AlreadyRegistered
from catalog.events import CatalogEvent
from catalog.rules.code_lists import NewCode, edition_errors
from catalog.rules.code_maps import EditionValue, Pair, pairs
from catalog.rules.registrars import code_errors, registrar_of
from catalog.store import standards as store
from catalog.store.rows import add_once
from catalog.tables import CodeItem, CodeList, CodeListEdition, Standard
from kernel import changes
from kernel.actor import Actor
from kernel.audit import record
from kernel.database import ReadSession, WriteSession
from kernel.errors import BadRequest, FieldError, FieldErrors, IllegalTransition, NotFound
from kernel.paging import Page, PageRequest
from kernel.turns import unhurried

KIND = "code_list"
"""What a change of its editions is announced as; the key is its code."""
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
    FieldErrors(list(code_errors(new.code, principal.region_code))).raise_if_any()
    await require_standard(session, new.standard)
    row = CodeList(
        code=new.code,
        name=new.name,
        standard=new.standard,
        region_code=canonical(principal.region_code),
        created_at=now,
    )
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
    """Add an edition to a list of one's own; AlreadyRegistered when its name is taken.

    Raises Invalid for one that would begin before another one, or with it.
    """
    await own(session, principal, code)
    return await put_edition(session, principal.actor, code, new, now=now)


async def own(session: ReadSession, principal: Principal, code: str) -> CodeList:
    """Return a list that the caller's authority, or one below it, registered; 403 errors."""
    principal.require_role(Role.AUTHORITY)
    row = await get(session, code)
    principal.require_authority(registrar_of(row.region_code))
    return row


async def put_edition(
    session: WriteSession, actor: Actor, code: str, new: NewEdition, *, now: datetime
) -> CodeListEdition:
    """Add an edition without asking who wants it: for what ships with the platform."""
    before = [each for each in await store.editions(session, code) if each.withdrawn_at is None]
    errors = [*_overlaps(new, before), *await unhurried(edition_errors(new.items))]
    FieldErrors(errors).raise_if_any()
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
        actor,
        CatalogEvent.CODE_LIST_EDITION_ADDED,
        "code_list",
        code,
        edition=new.edition,
        items=len(new.items),
    )
    await changes.announce(session, KIND, code)
    return row


def _overlaps(new: NewEdition, before: Sequence[CodeListEdition]) -> Iterator[FieldError]:
    """Yield an edition that would not begin after all others: each holds until the next one."""
    last = max(before, key=lambda each: each.effective_from, default=None)
    if last is not None and new.effective_from <= last.effective_from != new.effective_from:
        yield FieldError(
            "effective_from",
            "out_of_range",
            f"与版次 {last.edition}（{last.effective_from} 起）重叠；须晚于该日，或先撤销该版次",
            f"overlaps edition {last.edition}, in force from {last.effective_from}: begin later,"
            " or withdraw that one first",
        )


async def withdraw_edition(
    session: WriteSession,
    principal: Principal,
    code: str,
    edition: str,
    *,
    reason: str,
    now: datetime,
) -> CodeListEdition:
    """Take a wrong edition out of force: the one before it holds again. Contracts keep theirs.

    Raises NotFound, 403 errors, and IllegalTransition for one that was withdrawn already.
    """
    await own(session, principal, code)
    row = await session.get(CodeListEdition, (code, edition))
    if row is None:
        raise NotFound
    require_in_use(row)
    if not await store.withdraw(session, row, reason, now):
        await session.refresh(row)
        require_in_use(row)
    details = {"edition": edition, "reason": reason}
    event = CatalogEvent.CODE_LIST_EDITION_WITHDRAWN
    record(session, principal.actor, event, "code_list", code, **details)
    await changes.announce(session, KIND, code)
    return row


def require_in_use(row: CodeListEdition) -> None:
    """Raise IllegalTransition for an edition that was withdrawn."""
    if row.withdrawn_at is not None:
        raise IllegalTransition(state="withdrawn", allowed=[])


async def mapped(
    session: ReadSession, code: str, first: str, last: str, value: str | None
) -> list[Pair]:
    """Map values of one edition to a later one; NotFound, and Invalid where it is not later."""
    rows = {row.edition: row for row in await editions(session, code)}
    if first not in rows or last not in rows:
        raise NotFound
    begins, ends = rows[first].effective_from, rows[last].effective_from
    if begins > ends:
        raise BadRequest(
            f"版次 {first} 晚于 {last}；只能由较早的版次映射到较晚的版次",
            f"Edition {first} is later than {last}: map an earlier one to a later one",
        )
    between = [
        row.edition
        for row in rows.values()
        if row.edition in (first, last)
        or (row.withdrawn_at is None and begins < row.effective_from < ends)
    ]
    read = [await as_listed(session, code, edition, rows) for edition in between]
    found = await unhurried(pairs(read))
    return [pair for pair in found if value in (None, pair.source)]


async def as_listed(
    session: ReadSession, code: str, edition: str, rows: Mapping[str, CodeListEdition]
) -> Mapping[str, EditionValue]:
    """Return the values of one of these editions, with those that have ended there."""
    begins = rows[edition].effective_from
    return {
        item.value: EditionValue(
            item.value,
            item.name,
            item.effective_to is not None and item.effective_to < begins,
            tuple(item.successors),
        )
        for item in await store.edition_values(session, code, edition)
    }


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
