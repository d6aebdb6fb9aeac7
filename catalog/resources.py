"""Resources (目录条目) as their department drafts them; `lifecycle` takes them from there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from auth.principal import Principal, Role
from auth.regions import checking
from auth.regions.codes import canonical
from auth.regions.tree import covers, same
from catalog import derivations, duplicates, resource_codes, versions
from catalog.contracts.model import DataType
from catalog.entries import Entry
from catalog.events import CatalogEvent
from catalog.rules.entries import draft_errors, retired_errors
from catalog.rules.scopes import scopes
from catalog.rules.words import fold, grams
from catalog.states import State
from catalog.store import elements as element_store
from catalog.store import resources as store
from catalog.tables import Element, Resource, ResourceVersion
from catalog.visibility import Shown, actions, present
from kernel import locks
from kernel.audit import record
from kernel.changes import announce, announce_all
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError, FieldErrors, IllegalTransition, Stale
from kernel.ids import new_id


async def get(session: ReadSession, principal: Principal, resource_id: str) -> Shown:
    """Return the resource in the version that the caller sees; raises NotFound."""
    return await versions.shown(session, principal, resource_id)


async def create(
    session: WriteSession, principal: Principal, entry: Entry, *, now: datetime
) -> Shown:
    """Draft version 1 of a new resource of the clerk's department; raises Invalid."""
    [shown] = await create_all(session, principal, [entry], now=now)
    return shown


async def create_all(
    session: WriteSession, principal: Principal, entries: Sequence[Entry], *, now: datetime
) -> list[Shown]:
    """Draft new resources together; raises Invalid for the first entry that is wrong."""
    principal.require_role(Role.CLERK)
    known = await element_store.by_code(session, _elements(entries))
    for entry in entries:
        await _check_draft(session, principal, entry, resource_id=None, known=known)
    codes = await resource_codes.give_all(session, [entry.class_code for entry in entries])
    resources = [
        _new(principal, entry, code, now) for entry, code in zip(entries, codes, strict=True)
    ]
    session.add_all(resources)
    await session.flush()
    pairs = list(zip(resources, entries, strict=True))
    versions = [_draft(resource, entry, now) for resource, entry in pairs]
    session.add_all(versions)
    await session.flush()
    for version in versions:
        store.add_transition(session, principal, version, "create", None, now=now)
        _record_created(session, principal, version)
    await announce_all(session, "resource", [resource.id for resource in resources])
    return [present(principal, *pair) for pair in zip(resources, versions, strict=True)]


def _record_created(session: WriteSession, principal: Principal, version: ResourceVersion) -> None:
    event, name = CatalogEvent.RESOURCE_CREATED, version.name
    record(session, principal.actor, event, "resource", version.resource_id, name=name)


def _elements(entries: Iterable[Entry]) -> set[str]:
    return {item.element for entry in entries for item in entry.items}


def _new(principal: Principal, entry: Entry, code: str, now: datetime) -> Resource:
    return Resource(
        id=new_id(),
        resource_code=code,
        department=principal.department,
        region_code=canonical(entry.region_code),
        status=State.DRAFT,
        version=1,
        revision=1,
        created_by=principal.id,
        created_at=now,
        updated_at=now,
    )


def _draft(resource: Resource, entry: Entry, now: datetime) -> ResourceVersion:
    return ResourceVersion(
        resource_id=resource.id,
        number=resource.version,
        state=State.DRAFT,
        created_at=now,
        **_columns(resource, entry),
    )


def _columns(resource: Resource, entry: Entry) -> dict[str, Any]:
    texts = [entry.name, entry.abstract]
    for item in entry.items:
        texts += [item.label, item.name, item.element]
    stored = entry.columns()
    stored["region_code"] = canonical(entry.region_code)
    stored["search_text"] = fold("\n".join(texts))
    stored["search_grams"] = grams(stored["search_text"])
    stored["search_scopes"] = scopes(resource.department, resource.region_code, entry.class_code)
    return stored


async def _check_draft(
    session: WriteSession,
    principal: Principal,
    entry: Entry,
    *settled: FieldError,
    resource_id: str | None,
    known: Mapping[str, Element],
    carried: Collection[str] = (),
) -> None:
    """Raise Invalid with what is wrong, the `settled` errors first.

    `known` are the elements that are registered; those that the version in force carries may have
    been retired since.
    """
    found = {code: known[code] for code in _elements([entry]) & known.keys()}
    types = {code: DataType(element.data_type) for code, element in found.items()}
    retired = {code for code, each in found.items() if each.retired_at and code not in carried}
    await derivations.hold(session, entry.derived_from)
    circles = await derivations.errors(session, resource_id, entry.derived_from)
    explained = await duplicates.draft_errors(session, resource_id, entry.duplicates)
    errors = [*settled, *draft_errors(entry, types), *circles, *explained]
    errors += retired_errors(entry.items, retired)
    errors += _region_errors(principal, entry.region_code)
    FieldErrors(errors).raise_if_any()


def _region_errors(principal: Principal, region_code: str) -> list[FieldError]:
    if not covers(principal.region_code, region_code):
        return [
            FieldError(
                "region_code",
                "out_of_range",
                "不在本部门的行政区划之内",
                "is outside the region of your department",
            )
        ]
    fault = checking.fault(region_code)
    return [] if fault is None else [fault]


async def change(
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    entry: Entry,
    *,
    revision: int | None,
    now: datetime,
) -> Shown:
    """Rewrite a draft that was read at `revision`, None for any; Stale when it has moved on."""
    shown = await _rewritable(session, principal, resource_id)
    resource, number = shown.resource, shown.resource.version
    if revision not in (None, resource.revision):
        raise Stale
    require_draft(resource)
    in_force = await store.get(session, resource_id, resource.published_version or 0)
    carried = {each["element"] for each in ([] if in_force is None else in_force.items)}
    settled = _settled(resource, shown.version, entry)
    known = await element_store.by_code(session, _elements([entry]))
    await _check_draft(
        session, principal, entry, *settled, resource_id=resource_id, known=known, carried=carried
    )
    region = canonical(entry.region_code)
    if not await store.move(session, resource, State.DRAFT, now=now, region_code=region):
        raise Stale
    await store.set_scopes(session, resource)
    version = await store.set_version(session, resource_id, number, **_columns(resource, entry))
    record(
        session,
        principal.actor,
        CatalogEvent.RESOURCE_CHANGED,
        "resource",
        resource_id,
        version=number,
        revision=resource.revision,
    )
    await announce(session, "resource", resource_id)
    return present(principal, resource, version)


async def own_by_name(
    session: WriteSession, principal: Principal, names: Collection[str]
) -> Mapping[str, Sequence[str]]:
    """Return the department's entries of these names, by the name of their newest version.

    Until the transaction ends nobody else asks: two would draft an entry of one name twice.
    """
    await locks.hold_named(session, locks.Lock.NAMES, principal.department, alone=True)
    return await store.by_name(session, principal.department, names)


def the_one(resource_ids: Sequence[str]) -> str | None:
    """Return the entry of a name, None where there is none; Invalid where there are several."""
    errors = FieldErrors()
    if len(resource_ids) > 1:
        errors.add(
            "name",
            "duplicate",
            f"本部门有 {len(resource_ids)} 个同名资源，请填写资源代码",
            f"the department has {len(resource_ids)} entries of this name: give its code",
        )
    errors.raise_if_any()
    return next(iter(resource_ids), None)


async def rewritable(session: ReadSession, principal: Principal, resource_id: str) -> Resource:
    """Return what the caller may rewrite while it is a draft; NotFound, 403 errors."""
    return (await _rewritable(session, principal, resource_id)).resource


async def _rewritable(session: ReadSession, principal: Principal, resource_id: str) -> Shown:
    shown = await versions.shown(session, principal, resource_id)
    principal.require_role(Role.CLERK)
    principal.require_department(shown.resource.department)
    return shown


def require_draft(resource: Resource) -> None:
    """Raise IllegalTransition for what is no draft."""
    if resource.status == State.DRAFT:
        return
    raise IllegalTransition(
        "只有草稿可以修改，已发布的请先 revise",
        "Only a draft can be changed; revise what is published",
        state=resource.status,
        allowed=[str(action) for action in actions(resource)],
    )


def _settled(resource: Resource, version: ResourceVersion, entry: Entry) -> list[FieldError]:
    """Return changes of what cannot change once records were published."""
    if resource.published_version is None:
        return []
    kept = {
        "partitions": version.partitions == entry.partitions,
        # A division that has ended since goes on as its successor.
        "region_code": same(resource.region_code, entry.region_code),
    }
    return [
        FieldError(path, "fixed", "首次发布后不能更改", "cannot change after the first publication")
        for path, is_kept in kept.items()
        if not is_kept
    ]
