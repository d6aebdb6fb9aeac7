"""SQL of entries and claims that wait for somebody of a department or of an authority."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import DateTime, func, literal
from sqlmodel import col, select

from auth.regions.within import within
from catalog.deadline_tables import Deadline, Kind
from catalog.states import OPEN_CLAIMS, Action, Decision, State
from catalog.tables import Element, Resource, ResourceVersion, Source
from kernel import awaited
from kernel.awaited import Awaited, Choice, Columns
from kernel.database import ReadSession
from kernel.paging import PageRequest

NO_DUE_DATE = literal(None, DateTime(timezone=True))
# Of a review by the authority: C2, which runs for revisions only.
REVIEW_DUE = (
    select(func.min(Deadline.due_at))
    .where(
        col(Deadline.resource_id) == col(Resource.id),
        Deadline.kind == Kind.REVIEW,
        col(Deadline.ended_at).is_(None),
    )
    .correlate(Resource)
    .scalar_subquery()
)
# A clerk's work on a draft that came back; PUT, which is no transition.
CHANGE = "change"
# What a deadline waits for; no transitions either.
CONSENT, UPDATE, REGAIN = "consent-change-notice", "update", "regain-source"
REVIEW_YEARLY = "review-yearly"
# How long before its day the yearly review is a task.
REVIEW_AHEAD: Final = timedelta(days=30)
ASKED = (
    (col(Deadline.kind) == Kind.UPDATE)
    & col(Deadline.met_at).is_(None)
    & col(Deadline.note)["extension"].is_not(None)
    & col(Deadline.note)["extension"]["consented_at"].is_(None)
)
FOLLOWED = (
    (UPDATE, (col(Deadline.kind) == Kind.UPDATE) & col(Deadline.met_at).is_(None)),
    (REGAIN, col(Deadline.kind) == Kind.SOURCE_LOST),
)


async def resources(
    session: ReadSession,
    department: str,
    own: Sequence[tuple[State, Action]],
    over: str | None,
    reviewed: Sequence[tuple[State, Action]],
    *,
    returned: bool,
    request: PageRequest,
) -> Sequence[Awaited]:
    """Return entries that wait for the acts of the department, and of the authority `over`."""
    choices: list[Choice] = []
    if over is not None:
        inside = within(col(Resource.region_code), over)
        choices += [(act, inside & (col(Resource.status) == state)) for state, act in reviewed]
    mine = col(Resource.department) == department
    choices += [(act, mine & (col(Resource.status) == state)) for state, act in own]
    if returned:
        came_back = col(ResourceVersion.return_reason).is_not(None)
        choices.append((CHANGE, mine & (col(Resource.status) == State.DRAFT) & came_back))
    if not choices:
        return []
    columns = Columns(
        col(Resource.id), col(Resource.department), REVIEW_DUE, title=col(ResourceVersion.name)
    )
    newest = (col(ResourceVersion.resource_id) == col(Resource.id)) & (
        col(ResourceVersion.number) == col(Resource.version)
    )
    query = awaited.query("resource", columns, choices, request).join(ResourceVersion, newest)
    return awaited.rows((await session.exec(query)).all(), columns)


async def deadlines(
    session: ReadSession,
    department: str | None,
    over: str | None,
    request: PageRequest,
    *,
    now: datetime,
) -> Sequence[Awaited]:
    """Return what runs for entries of a department, and extensions asked of the authority `over`.

    `department` is None for whoever need not follow its deadlines.
    """
    choices: list[Choice] = []
    if over is not None:
        inside = within(col(Resource.region_code), over)
        choices.append((CONSENT, inside & ASKED))
    if department is not None:
        mine = col(Resource.department) == department
        choices += [(act, mine & condition) for act, condition in FOLLOWED]
        yearly = col(Deadline.kind) == Kind.YEARLY
        choices.append(
            (REVIEW_YEARLY, mine & yearly & (col(Deadline.due_at) <= now + REVIEW_AHEAD))
        )
    if not choices:
        return []
    columns = Columns(
        col(Resource.id), col(Resource.department), col(Deadline.due_at), named=col(Resource.id)
    )
    query = awaited.query("resource", columns, choices, request)
    query = query.join(Deadline, col(Deadline.resource_id) == col(Resource.id))
    query = query.where(col(Deadline.ended_at).is_(None))
    return awaited.rows((await session.exec(query)).all(), columns)


async def claims(session: ReadSession, over: str, request: PageRequest) -> Sequence[Awaited]:
    """Return the open claims in the division of an authority."""
    inside = within(col(Source.region_code), over)
    choices = [(Decision.DESIGNATE, inside & col(Source.status).in_(OPEN_CLAIMS))]
    columns = Columns(col(Source.id), col(Source.department), NO_DUE_DATE, title=col(Element.name))
    query = awaited.query("source", columns, choices, request)
    query = query.join(Element, col(Element.code) == col(Source.element))
    return awaited.rows((await session.exec(query)).all(), columns)
