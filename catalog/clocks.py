"""The clocks of a published entry (Order 809 Art 17): update (C1) and review (C2).

C1 begins with a change of law or duties and is met by a revision handed to the authority; C2
begins with that revision and ends when the authority has published, announced or returned it.
What comes back leaves the department the days that it had, one at least. No first review has a
term (Art 16). With each publication the year begins after which the entry is reviewed again.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from catalog.deadline_tables import Deadline, Kind
from catalog.states import Action
from catalog.store import deadlines as store
from catalog.tables import Resource
from kernel.database import ReadSession, WriteSession
from kernel.terms import Term, held_days
from kernel.workdays import local_date

__all__ = [
    "EXTENSION_DAYS",
    "REVIEW_DAYS",
    "UPDATE_DAYS",
    "Deadline",
    "Kind",
    "a_year_after",
    "begin_year",
    "end_review",
    "facts",
    "follow",
    "overdue_by_kind",
    "reckon_anew",
    "reckon_open",
    "running",
    "take_overdue",
]

# A deadline, when it fell due before, and its term now.
Reckoned = tuple[Deadline, datetime, Term]
UPDATE_DAYS = 10
EXTENSION_DAYS = 5
REVIEW_DAYS = 2
FEBRUARY, LEAP_DAY, LAST_DAY = 2, 29, 28


async def follow(
    session: WriteSession, resource: Resource, number: int, action: Action, *, now: datetime
) -> None:
    """Let the clocks of a published entry begin, rest and end with what was done to it."""
    if resource.published_version is None:
        return
    if action is Action.SUBMIT:
        await _handed_over(session, resource.id, number, now)
    elif action in (Action.RETURN, Action.WITHDRAW):
        await end_review(session, resource.id, now=now)
        await _handed_back(session, resource.id, now)
    elif action is Action.ANNOUNCE:
        await end_review(session, resource.id, now=now)
    elif action in (Action.PUBLISH, Action.RETIRE):
        await end_review(session, resource.id, now=now)
        await store.change(session, resource.id, Kind.UPDATE, ended_at=now)
        await store.change(session, resource.id, Kind.YEARLY, ended_at=now)
        if action is Action.PUBLISH:
            await begin_year(session, resource.id, now=now)


def a_year_after(day: date) -> date:
    """Return the same day of the next year, of 29 February the 28th."""
    if (day.month, day.day) == (FEBRUARY, LEAP_DAY):
        day = day.replace(day=LAST_DAY)
    return day.replace(year=day.year + 1)


async def begin_year(session: WriteSession, resource_id: str, *, now: datetime) -> bool:
    """Let the year to the next review begin; False where it runs already (国发〔2016〕51号)."""
    term = Term(a_year_after(local_date(now)), 0)
    return await store.begin(session, resource_id, Kind.YEARLY, term, now=now)


async def end_review(session: WriteSession, resource_id: str, *, now: datetime) -> None:
    """End C2: the authority has decided, or told of the approved version in the catalogue."""
    await store.change(session, resource_id, Kind.REVIEW, ended_at=now)


async def _handed_over(session: WriteSession, resource_id: str, number: int, now: datetime) -> None:
    term = Term(local_date(now), REVIEW_DAYS)
    await store.begin(session, resource_id, Kind.REVIEW, term, version=number, now=now)
    await store.change(session, resource_id, Kind.UPDATE, met_at=now)


async def _handed_back(session: WriteSession, resource_id: str, now: datetime) -> None:
    for deadline in await store.open_of(session, [resource_id], Kind.UPDATE):
        if deadline.met_at is None:
            continue
        held = held_days(deadline.due_at, deadline.met_at)
        term = {} if held is None else Term(local_date(now), held).columns()
        await store.write(session, deadline, met_at=None, **term)


async def running(
    session: ReadSession, resource_ids: Sequence[str]
) -> Mapping[str, Sequence[Deadline]]:
    """Return the open deadlines by resource, the earliest due first."""
    found: dict[str, list[Deadline]] = {}
    for deadline in await store.open_of(session, resource_ids):
        found.setdefault(deadline.resource_id, []).append(deadline)
    return found


async def take_overdue(session: WriteSession, now: datetime, limit: int) -> Sequence[Deadline]:
    """Lock deadlines that were missed, and mark them: each is returned once only."""
    overdue = await store.take_overdue(session, now, limit)
    for deadline in overdue:
        await store.write(session, deadline, breached_at=now)
    return overdue


async def overdue_by_kind(session: ReadSession, now: datetime) -> dict[str, int]:
    """Return how many deadlines are open beyond their day, by kind."""
    return await store.overdue_by_kind(session, now)


async def reckon_anew(session: WriteSession, calendar: int, limit: int) -> list[Reckoned]:
    """Reckon open deadlines by a newer calendar; return each with its old due moment and term."""
    outdated = await store.take_outdated(session, calendar, limit)
    return [await _reckoned(session, deadline) for deadline in outdated]


async def reckon_open(session: WriteSession, limit: int) -> list[Reckoned]:
    """Reckon every open deadline anew, some at a time; return those that have moved."""
    moved: list[Reckoned] = []
    after = 0
    while deadlines := await store.take_open(session, after, limit):
        after = deadlines[-1].id or 0
        for deadline in deadlines:
            term = Term(deadline.due_from, deadline.due_days)
            is_same = term.due_at == deadline.due_at
            if not is_same or term.calendar != deadline.due_calendar:
                reckoned = await _reckoned(session, deadline)
                moved += [] if is_same else [reckoned]
    return moved


async def _reckoned(session: WriteSession, deadline: Deadline) -> Reckoned:
    before, term = deadline.due_at, Term(deadline.due_from, deadline.due_days)
    await store.write(session, deadline, **term.columns())
    return deadline, before, term


def facts(deadline: Deadline) -> dict[str, Any]:
    """Return what an event says of a deadline."""
    said: dict[str, Any] = {"clock": deadline.kind, "due_at": str(deadline.due_at)}
    if deadline.subject:
        said["element"] = deadline.subject
    if deadline.version is not None:
        said["version"] = deadline.version
    return said
