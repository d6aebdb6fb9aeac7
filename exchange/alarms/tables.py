"""The index that finds alarms among audit events, and how far they were told."""

from typing import Any, ClassVar, Final

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel, col

from exchange.alarms.kinds import condition
from kernel.tables import AuditRow

ALARMS: Final = Index(
    "audit_event_alarm",
    col(AuditRow.at), col(AuditRow.chain), col(AuditRow.seq),
    postgresql_where=text(condition()),
)  # fmt: skip


class AlarmPosition(SQLModel, table=True):
    """Up to where alarms of an audit chain were told to those on duty."""

    __tablename__: ClassVar[Any] = "alarm_position"
    __table_args__ = {"schema": "exchange"}

    chain: int = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)
