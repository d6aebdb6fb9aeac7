"""What a restored database would let in again: told to the log, and stopped after it (P3, P12).

The messages name ids and fields, never values.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col, or_, update

from auth.delegations.states import State as Delegated
from auth.events import AuthEvent
from auth.tables import Client, Delegation, Department, Person
from kernel import audit, changes, outbox
from kernel.actor import SYSTEM
from kernel.database import WriteSession

# More than a backup can lie behind: a token of the forgotten time must not fit either.
GENERATIONS_SKIPPED: Final = 1_000_000
REASON: Final = "数据库恢复到较早时刻 / the database was restored to an earlier moment"
OF_PEOPLE: Final = frozenset({AuthEvent.PERSON_CHANGED, AuthEvent.PASSWORD_CHANGED})
MOVES: Final = (AuthEvent.CLIENT_ROTATED, AuthEvent.CLIENT_SUSPENDED, AuthEvent.CLIENT_RESUMED)
OF_CLIENTS: Final = frozenset({AuthEvent.CLIENT_CHANGED, *MOVES})
OF_DEPARTMENTS: Final = frozenset({AuthEvent.DEPARTMENT_CHANGED})
OF_CONSENTS: Final = frozenset({AuthEvent.STANDING_CONSENT_WITHDRAWN})
OF_DELEGATIONS: Final = frozenset({AuthEvent.DELEGATION_ENDED})
# Other fields let nobody do more: a name, a rate limit.
DECISIVE: Final = frozenset(
    {"authority", "department", "jwks", "password_hash", "roles", "scopes", "status"}
)


def tell(
    session: WriteSession,
    event: AuthEvent,
    thing: str,
    changed: Collection[str] | None = None,
) -> None:
    """Add a message to the transaction; of changed fields none where no decisive one is there."""
    facts: dict[str, Any] = {"id": thing}
    if changed is not None:
        facts["changed"] = sorted(DECISIVE.intersection(changed))
    if facts.get("changed", True):
        outbox.add(session, event, thing, facts)


@dataclass(frozen=True, slots=True)
class Stopped:
    """Ids of who was suspended or ended, for `security` to look at; each list is in order."""

    people: list[str]
    clients: list[str]
    consents: list[str]
    delegations: list[str]

    def told(self) -> Mapping[AuthEvent, Sequence[str]]:
        """Return them by the event that the audit log has of each."""
        return {
            AuthEvent.PERSON_CHANGED: self.people,
            AuthEvent.CLIENT_SUSPENDED: self.clients,
            AuthEvent.STANDING_CONSENT_WITHDRAWN: self.consents,
            AuthEvent.DELEGATION_ENDED: self.delegations,
        }


Spoken = Mapping[str, Collection[str]]


async def mend(session: WriteSession, spoken: Spoken, *, now: datetime) -> Stopped:
    """Stop whose access changed in the forgotten time, and end what was issued to anybody.

    `spoken` are the ids of each type of message. Workers drop what they know of people and
    clients with the generation of the data.
    """
    for table in (Person, Client):
        ended = update(table).values(generation=table.generation + GENERATIONS_SKIPPED)
        await session.execute(ended.execution_options(synchronize_session=False))
    departments = _of(spoken, OF_DEPARTMENTS)
    return Stopped(
        await _suspended(session, Person, "id", _of(spoken, OF_PEOPLE), departments),
        await _suspended(session, Client, "client_id", _of(spoken, OF_CLIENTS), departments),
        await _withdrawn(session, _of(spoken, OF_CONSENTS)),
        await _ended(session, _of(spoken, OF_DELEGATIONS), now),
    )


def _of(spoken: Spoken, types: Collection[str]) -> list[str]:
    return sorted({thing for type_ in types for thing in spoken.get(type_, ())})


async def _suspended(
    session: WriteSession,
    table: type[Person | Client],
    key: str,
    ids: Collection[str],
    departments: Collection[str],
) -> list[str]:
    columns: Any = table
    concerned = or_(col(getattr(table, key)).in_(ids), col(columns.department).in_(departments))
    return await _stop(
        session,
        AuthEvent.PERSON_CHANGED if table is Person else AuthEvent.CLIENT_SUSPENDED,
        update(table)
        .where(concerned, col(columns.status) == "active")
        .values(status="suspended", revision=columns.revision + 1)
        .returning(col(getattr(table, key))),
        status="suspended",
    )


async def _withdrawn(session: WriteSession, departments: Collection[str]) -> list[str]:
    return await _stop(
        session,
        AuthEvent.STANDING_CONSENT_WITHDRAWN,
        update(Department)
        .where(col(Department.uscc).in_(departments), col(Department.standing_consent))
        .values(standing_consent=False, revision=Department.revision + 1)
        .returning(col(Department.uscc)),
    )


async def _ended(session: WriteSession, ids: Collection[str], now: datetime) -> list[str]:
    return await _stop(
        session,
        AuthEvent.DELEGATION_ENDED,
        update(Delegation)
        .where(col(Delegation.id).in_(ids), col(Delegation.status) != Delegated.ENDED)
        .values(status=Delegated.ENDED, ended_at=now, revision=Delegation.revision + 1)
        .returning(col(Delegation.id)),
    )


async def _stop(
    session: WriteSession, event: AuthEvent, change: ReturningUpdate[tuple[str]], **facts: str
) -> list[str]:
    quiet = change.execution_options(synchronize_session=False)
    stopped = sorted((await session.execute(quiet)).scalars().all())
    subject = event.partition(".")[0]
    for thing in stopped:
        audit.record(session, SYSTEM, event, subject, thing, reason=REASON, **facts)
    await changes.announce_all(session, subject, stopped)
    return stopped
