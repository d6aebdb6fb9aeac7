"""Names beside ids, looked up for a whole page at once (docs/api.md section 1).

Each kind of id is one query, however many views name it; a page holds 200 at most.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from auth import directory
from auth.directory import Member, may_name
from auth.principal import Principal
from catalog import directory as catalogue
from kernel.database import ReadSession
from kernel.workdays import local_date

Fields = MutableMapping[str, Any]
LookUp = Callable[[ReadSession, Sequence[str]], Awaitable[Mapping[str, str]]]

# Field with an id → field with its name.
DEPARTMENTS: Final = {
    "department": "department_name",
    "provider_department": "provider_name",
    "consumer_department": "consumer_name",
    "claimant_department": "claimant_name",
    "respondent_department": "respondent_name",
    "decided_department": "decided_department_name",
    "assigned_department": "assigned_department_name",
    "authority_department": "authority_name",
    "delegate": "delegate_name",
}
CLIENTS: Final = {"client_id": "client_name"}
RESOURCES: Final = {"resource_id": "resource_name", "refers_to": "refers_to_name"}
ELEMENTS: Final = {"element": "element_name"}
KINDS: Final[Sequence[tuple[Mapping[str, str], LookUp]]] = (
    (DEPARTMENTS, directory.departments),
    (CLIENTS, directory.clients),
    (RESOURCES, catalogue.resources),
    (ELEMENTS, catalogue.elements),
)
INSTANT: Final = timedelta(microseconds=1)


async def add(session: ReadSession, views: Sequence[Fields], *, own: str = "") -> None:
    """Put the name of everything that views name by its id beside it; None where there is none.

    `own` is the id of the views themselves, whose name they have.
    """
    for fields, look_up in KINDS:
        others = {field: name for field, name in fields.items() if field != own}
        await _add(session, views, others, look_up)


async def _add(
    session: ReadSession, views: Sequence[Fields], fields: Mapping[str, str], look_up: LookUp
) -> None:
    named = {view[field] for view in views for field in fields if view.get(field) is not None}
    labels = await look_up(session, sorted(named)) if named else {}
    for view in views:
        for field, name in fields.items():
            if field in view:
                view[name] = labels.get(view[field])


async def add_operators(session: ReadSession, views: Sequence[Fields]) -> None:
    """Put the contractor that runs a view's client beside it as `operated_by`; None without."""
    ids = sorted({view["client_id"] for view in views})
    found = await directory.operators(session, ids) if ids else {}
    for view in views:
        view["operated_by"] = found.get(view["client_id"])


async def add_to_events(session: ReadSession, views: Sequence[Fields]) -> None:
    """Put names beside what audit events say of actor, department and subject."""
    await add(session, views)
    await add_by_kind(session, views, ("actor_kind", "actor_id", "actor_name"))
    await add_by_kind(session, views, ("subject_type", "subject_id", "subject_name"))


async def add_by_kind(
    session: ReadSession, views: Sequence[Fields], fields: tuple[str, str, str]
) -> None:
    """Name what two fields (kind, id) stand for in the third; None for kinds without names.

    People are named whoever they are: for auditors of their division only.
    """
    kind_of, id_of, name_of = fields
    by_kind: dict[str, set[str]] = {}
    for view in views:
        by_kind.setdefault(view[kind_of], set()).add(view[id_of])
    labels = {
        kind: await look_up(session, sorted(by_kind[kind]))
        for kind, look_up in OF_KINDS.items()
        if kind in by_kind
    }
    for view in views:
        view[name_of] = labels.get(view[kind_of], {}).get(view[id_of])


async def _people(session: ReadSession, person_ids: Sequence[str]) -> Mapping[str, str]:
    rows = await directory.people(session, person_ids)
    return {id_: member.name for id_, member in rows.items()}


OF_KINDS: Final[Mapping[str, LookUp]] = {
    "client": directory.clients,
    "department": directory.departments,
    "element": catalogue.elements,
    "person": _people,
    "resource": catalogue.resources,
}


async def add_people(
    session: ReadSession,
    principal: Principal,
    views: Sequence[Fields],
    fields: Iterable[str],
    role_of: Callable[[Fields, str, Member], str | None],
) -> None:
    """Name people beside their ids where the caller may know them; else role and department.

    For a field `decided_by` this sets `decided_by_name`, `decided_by_role`,
    `decided_by_department` and `decided_by_department_name`, for `actor_id` `actor_name` and so on.
    """
    fields = tuple(fields)
    ids = {view[field] for view in views for field in fields if view.get(field) is not None}
    rows = await directory.people(session, sorted(ids)) if ids else {}
    for view in views:
        for field in fields:
            member = rows.get(view.get(field) or "")
            role = None if member is None else role_of(view, field, member)
            view.update(_person(principal, field, view.get(field), member, role))


def _person(
    principal: Principal, field: str, id_: str | None, member: Member | None, role: str | None
) -> Fields:
    is_named = member is not None and may_name(principal, member)
    stem = field.removesuffix("_id")
    return {
        # Whoever is no person (the platform itself) is named to everybody.
        field: id_ if is_named or member is None else None,
        f"{stem}_name": member.name if member is not None and is_named else None,
        f"{stem}_role": role,
        f"{stem}_department": None if member is None else member.department,
        f"{stem}_department_name": None if member is None else member.department_name,
    }


def last_day(ends_at: datetime | None) -> date | None:
    """Return the last day before a moment, in Shanghai: the day that a deadline names."""
    return None if ends_at is None else local_date(ends_at - INSTANT)
