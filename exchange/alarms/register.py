"""Alarms, newest first, and who has acknowledged them: `security` does, `auditor` reads."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, String, cast, exists, func, literal, text, tuple_
from sqlmodel import col, select

from auth import departments
from auth.principal import Principal, Role, Scope
from exchange.alarms.kinds import EVENTS, Kind, condition
from exchange.delivery.lookup.budgets import ALARMS_MAX
from exchange.events import ExchangeEvent
from exchange.subscriptions.tables import Subscription
from kernel import audit
from kernel.database import ReadSession, WriteSession
from kernel.errors import IllegalTransition, InvalidCursor, NotFound
from kernel.paging import Page, PageRequest, encode
from kernel.tables import AuditRow

SUBJECT: Final = "alarm"
ACKNOWLEDGED: Final = ExchangeEvent.ALARM_ACKNOWLEDGED
GUARDS: Final = (Role.SECURITY,)
SEQ_DIGITS: Final = 18
_IS_ALARM: Final = text(condition())


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    at: datetime
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """The event, who outside was told of it, and who has looked at it."""

    row: AuditRow
    told: Sequence[str]
    acknowledged: Acknowledgement | None

    @property
    def id(self) -> str:
        return id_of(self.row)


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which alarms to list; None leaves a criterion out."""

    kind: Kind | None = None
    subject_id: str | None = None
    acknowledged: bool | None = None
    since: datetime | None = None


def id_of(row: AuditRow) -> str:
    """Return the place of the event in its chain, by which the audit log has it too."""
    return f"{row.chain}-{row.seq}"


def require_reader(principal: Principal) -> None:
    """Raise unless the caller guards the platform, or audits it."""
    principal.require_role(Role.SECURITY, Role.AUDITOR)
    guards = Role.SECURITY in principal.roles
    principal.require_scope(Scope.ADMIN if guards else Scope.AUDIT_READ)


async def page(
    session: ReadSession, principal: Principal, request: PageRequest, criteria: Criteria
) -> Page[Alarm]:
    """Return alarms, the newest first; those of a division to whom it is entrusted."""
    require_reader(principal)
    within = await departments.audited(session, principal)
    query = select(AuditRow).where(*_criteria(criteria, within))
    place = tuple_(col(AuditRow.at), col(AuditRow.chain), col(AuditRow.seq))
    if request.after is not None:
        before = await _by_id(session, request.after)
        if before is None:
            raise InvalidCursor
        query = query.where(place < tuple_(*(literal(each) for each in _place(before))))
    newest = (col(AuditRow.at).desc(), col(AuditRow.chain).desc(), col(AuditRow.seq).desc())
    rows = (await session.exec(query.order_by(*newest).limit(request.limit + 1))).all()
    items = await _told(session, rows[: request.limit])
    more = len(rows) > request.limit
    return Page(items, encode(items[-1].id) if more else None)


async def count_open(session: ReadSession, principal: Principal, most: int) -> int:
    """Return how many alarms nobody has acknowledged, at most so many."""
    require_reader(principal)
    within = await departments.audited(session, principal)
    some = select(AuditRow.seq).where(*_criteria(Criteria(acknowledged=False), within))
    return (await session.exec(select(func.count()).select_from(some.limit(most).subquery()))).one()


async def find(session: ReadSession, principal: Principal, alarm_id: str) -> Alarm:
    """Return one alarm; raises NotFound for what is none, or another division's."""
    require_reader(principal)
    within = await departments.audited(session, principal)
    row = await _by_id(session, alarm_id)
    if row is None or not (within is None or row.department in within):
        raise NotFound
    (alarm,) = await _told(session, [row])
    return alarm


async def acknowledge(
    session: WriteSession, principal: Principal, alarm_id: str, note: str
) -> Alarm:
    """Record that somebody has looked at it, and what came of it; IllegalTransition when done."""
    principal.require_scope(Scope.ADMIN)
    principal.require_role(*GUARDS)
    alarm = await find(session, principal, alarm_id)
    # Of two at once the second finds what the first has done.
    await session.refresh(alarm.row, with_for_update=True)
    (alarm,) = await _told(session, [alarm.row])
    require_open(alarm)
    audit.record(session, principal.actor, ACKNOWLEDGED, SUBJECT, alarm_id, note=note)
    await audit.append_pending(session)
    return await find(session, principal, alarm_id)


def require_open(alarm: Alarm) -> None:
    """Raise IllegalTransition where it was acknowledged before."""
    if alarm.acknowledged is not None:
        raise IllegalTransition(state="acknowledged", allowed=[])


def _criteria(criteria: Criteria, within: Collection[str] | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_IS_ALARM]  # type: ignore[list-item]
    if criteria.kind is not None:
        found.append(col(AuditRow.event).in_(EVENTS[criteria.kind]))
    if criteria.subject_id is not None:
        found.append(col(AuditRow.subject_id) == criteria.subject_id)
    if criteria.since is not None:
        found.append(col(AuditRow.at) >= criteria.since)
    if within is not None:
        found.append(col(AuditRow.department).in_(within))
    if criteria.acknowledged is not None:
        found.append(_is_acknowledged() if criteria.acknowledged else ~_is_acknowledged())
    return found


def _is_acknowledged() -> ColumnElement[bool]:
    answer = AuditRow.__table__.alias("answer")  # type: ignore[attr-defined]
    alarm_id = cast(AuditRow.chain, String) + "-" + cast(AuditRow.seq, String)
    return exists().where(
        answer.c.subject_type == SUBJECT,
        answer.c.subject_id == alarm_id,
        answer.c.event == ACKNOWLEDGED,
    )


async def _by_id(session: ReadSession, alarm_id: str) -> AuditRow | None:
    chain, _, seq = alarm_id.partition("-")
    numbers = chain.isascii() and chain.isdigit() and seq.isascii() and seq.isdigit()
    if not numbers or len(chain) > 1 or len(seq) > SEQ_DIGITS:
        return None
    query = select(AuditRow).where(
        AuditRow.chain == int(chain), AuditRow.seq == int(seq), _IS_ALARM
    )
    return (await session.exec(query)).one_or_none()


def _place(row: AuditRow) -> tuple[datetime, int, int]:
    return row.at, row.chain, row.seq


async def _told(session: ReadSession, rows: Sequence[AuditRow]) -> list[Alarm]:
    answers = await _answers(session, [id_of(row) for row in rows])
    sides = await _sides(session, [row for row in rows if _suspends(row)])
    return [Alarm(row, sides.get(id_of(row), ()), answers.get(id_of(row))) for row in rows]


def _suspends(row: AuditRow) -> bool:
    """Whether the subscription was suspended upon it, which both sides are told."""
    guessed = row.event == ExchangeEvent.GUESSING_SUSPECTED
    return guessed and int(row.details.get("alarms", 0)) >= ALARMS_MAX


async def _answers(session: ReadSession, alarm_ids: Sequence[str]) -> Mapping[str, Acknowledgement]:
    query = select(AuditRow).where(
        AuditRow.subject_type == SUBJECT,
        col(AuditRow.subject_id).in_(alarm_ids),
        AuditRow.event == ACKNOWLEDGED,
    )
    rows = (await session.exec(query)).all() if alarm_ids else ()
    return {
        row.subject_id: Acknowledgement(row.at, row.actor_id, str(row.details.get("note", "")))
        for row in rows
    }


async def _sides(session: ReadSession, rows: Sequence[AuditRow]) -> Mapping[str, tuple[str, str]]:
    """Return the departments that are told of a suspension, by alarm."""
    if not rows:
        return {}
    query = select(
        Subscription.id, Subscription.provider_department, Subscription.consumer_department
    ).where(col(Subscription.id).in_({row.subject_id for row in rows}))
    sides = {id_: (one, other) for id_, one, other in (await session.exec(query)).all()}
    return {id_of(row): sides[row.subject_id] for row in rows if row.subject_id in sides}
