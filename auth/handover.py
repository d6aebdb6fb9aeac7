"""People and systems of a department that is merged into another one, or moves to a division.

Tokens, secrets and passwords stay as they are: what a token's subject may do is read anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auth import administrators
from auth.departments import SUBJECT
from auth.events import AuthEvent
from auth.rules import SEPARATED
from auth.store import clients, people, rows
from auth.store import departments as store
from auth.tables import Client, Department, Person
from kernel import audit, changes
from kernel.actor import Actor
from kernel.database import ReadSession, WriteSession

ABOLISHED = "abolished"


@dataclass(frozen=True, slots=True)
class LostRole:
    """A role that a person loses: the other department has the same person in a role beside it."""

    person_id: str
    username: str
    role: str


@dataclass(frozen=True, slots=True)
class Staff:
    """Who and what goes to the successor, counted, and the roles that are lost."""

    people: int
    clients: int
    roles_lost: Sequence[LostRole]


async def survey(session: ReadSession, uscc: str, successor: str) -> Staff:
    """Return what a merger would bring, and change nothing."""
    comers = await people.of_department(session, uscc)
    lost = colliding(comers, await people.of_department(session, successor))
    return Staff(len(comers), await clients.count_of(session, uscc), lost)


def colliding(comers: Sequence[Person], there: Sequence[Person]) -> list[LostRole]:
    """Return the separated roles that a comer cannot keep (GB/T 39477-2020).

    Two accounts of one name in one department are one person's: together they may not hold two
    of operator, security and auditor. What the successor's account holds stays.
    """
    held: dict[str, set[str]] = {}
    for person in there:
        held.setdefault(person.name, set()).update(SEPARATED.intersection(person.roles))
    return [
        LostRole(person.id, person.username, role)
        for person in comers
        for role in sorted(SEPARATED.intersection(person.roles))
        if held.get(person.name, set()) - {role}
    ]


async def merge(session: WriteSession, actor: Actor, uscc: str, successor: str) -> Staff:
    """Give people and clients to the successor and abolish the department.

    Raises LastAdministrator where a division would be left without one.
    """
    staff = await survey(session, uscc, successor)
    async with administrators.remaining(session, department_uscc=uscc):
        for lost in staff.roles_lost:
            await people.take_role(session, lost.person_id, lost.role)
        await _give(session, uscc, successor)
        abolished = {"status": ABOLISHED, "successor": successor}
        await store.change(session, uscc, None, abolished)
    _record(session, actor, AuthEvent.DEPARTMENT_MERGED, uscc, successor=successor, **_told(staff))
    await _announce(session, uscc, successor)
    return staff


async def bring_rest(session: WriteSession, uscc: str, successor: str) -> None:
    """Give the successor who was registered while the merger was under way."""
    await _give(session, uscc, successor)
    await _announce(session, uscc, successor)


async def _give(session: WriteSession, uscc: str, successor: str) -> None:
    for table in (Person, Client):
        await rows.give(session, table, uscc, successor)


async def move(session: WriteSession, actor: Actor, uscc: str, region_code: str) -> None:
    """Put the department into another division; raises LastAdministrator."""
    async with administrators.remaining(session, department_uscc=uscc):
        await store.change(session, uscc, None, {"region_code": region_code})
    _record(session, actor, AuthEvent.DEPARTMENT_MOVED, uscc, region_code=region_code)
    await _announce(session, uscc)


async def lock(session: WriteSession, *usccs: str) -> dict[str, Department]:
    """Return departments as they are, and let nobody else change them until the end."""
    rows = [await store.lock(session, uscc) for uscc in sorted(set(usccs))]
    return {row.uscc: row for row in rows if row is not None}


async def heir(session: ReadSession, uscc: str) -> Department | None:
    """Return the department, of a merged one where it went in the end; None: abolished."""
    seen: set[str] = set()
    department = await store.get(session, uscc)
    while department is not None and department.status == ABOLISHED:
        seen.add(department.uscc)
        following = department.successor
        if following is None or following in seen:
            return None
        department = await store.get(session, following)
    return department


def _told(staff: Staff) -> dict[str, Any]:
    lost = [{"person": each.person_id, "role": each.role} for each in staff.roles_lost]
    return {"people": staff.people, "clients": staff.clients, "roles_lost": lost}


async def _announce(session: WriteSession, *usccs: str) -> None:
    for uscc in usccs:
        await changes.announce(session, SUBJECT, uscc)


def _record(
    session: WriteSession, actor: Actor, event: AuthEvent, uscc: str, **details: object
) -> None:
    audit.record(session, actor, event, SUBJECT, uscc, **details)
