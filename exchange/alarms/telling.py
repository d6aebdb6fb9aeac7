"""Tells who is on duty of each alarm, once: by the notices of their departments.

What is told is which kind of alarm there is, and its id; what it is about stands in the register,
which `security` and `auditor` read.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlmodel import col, select

from auth import directory
from auth.principal import Role
from auth.regions.codes import REGION
from auth.regions.tree import covers, current
from exchange.alarms.kinds import CONCERNS_DEPARTMENT, CONCERNS_OPERATOR, KIND_OF, condition
from exchange.alarms.register import id_of
from exchange.alarms.tables import AlarmPosition
from exchange.feed.readers import GUARDS
from kernel import outbox
from kernel.database import WriteSession
from kernel.tables import AuditChain, AuditRow

RAISED: Final = "alarm.raised"
AT_ONCE: Final = 100
"""Of one chain; the rest is told in the next turn."""
_IS_ALARM: Final = text(condition())


async def tell_new(session: WriteSession, _now: datetime) -> int:
    """Add a message for each alarm since the last turn; return how many."""
    alarms = [
        alarm for position in await _positions(session) for alarm in await _since(session, position)
    ]
    if alarms:
        guards = await directory.holding(session, Role.SECURITY)
        operators = await directory.holding(session, Role.OPERATOR)
        concerned = {row.department for row in alarms if row.department is not None}
        divisions = await directory.regions(session, concerned)
        for row in sorted(alarms, key=lambda row: (row.at, row.chain, row.seq)):
            _tell(session, row, on_duty(row, guards, operators, divisions))
    return len(alarms)


async def _positions(session: WriteSession) -> Sequence[AlarmPosition]:
    """Return how far each chain was looked at; no other worker looks meanwhile."""
    query = select(AlarmPosition).order_by(col(AlarmPosition.chain)).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).all()


async def _since(session: WriteSession, position: AlarmPosition) -> Sequence[AuditRow]:
    """Return the alarms of a chain behind its position, and move that: numbers follow commits."""
    heads = select(AuditChain.seq).where(AuditChain.chain == position.chain)
    head = (await session.exec(heads)).one()
    query = select(AuditRow).where(
        AuditRow.chain == position.chain,
        col(AuditRow.seq) > position.seq,
        col(AuditRow.seq) <= head,
        _IS_ALARM,
    )
    rows = (await session.exec(query.order_by(col(AuditRow.seq)).limit(AT_ONCE))).all()
    position.seq = rows[-1].seq if len(rows) == AT_ONCE else head
    session.add(position)
    return rows


def on_duty(
    row: AuditRow,
    guards: Mapping[str, str],
    operators: Mapping[str, str],
    divisions: Mapping[str, str],
) -> Sequence[str]:
    """Return the departments to tell; all three tell divisions by department.

    The guards of the division, its operators where the platform itself is concerned, and the
    department whose system or member it was.
    """
    kind = KIND_OF[row.event]
    offices = dict(guards) | (dict(operators) if kind in CONCERNS_OPERATOR else {})
    where = divisions.get(row.department or "")
    told = {each for each, division in offices.items() if _is_over(division, where)}
    if row.department is not None and where is not None and kind in CONCERNS_DEPARTMENT:
        told.add(row.department)
    return sorted(told)


def _is_over(division: str, where: str | None) -> bool:
    """Whether an office of a division guards another: the region's guards everything."""
    return current(division) == REGION or (where is not None and covers(division, where))


def _tell(session: WriteSession, row: AuditRow, departments: Sequence[str]) -> None:
    facts = {"alarm_id": id_of(row), "kind": KIND_OF[row.event], GUARDS: list(departments)}
    outbox.add(session, RAISED, id_of(row), facts)
