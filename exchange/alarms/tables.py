"""The index that finds alarms among audit events: which those are is known here, not in kernel."""

from typing import Final

from sqlalchemy import Index, text
from sqlmodel import col

from exchange.alarms.kinds import condition
from kernel.tables import AuditRow

ALARMS: Final = Index(
    "audit_event_alarm",
    col(AuditRow.at), col(AuditRow.chain), col(AuditRow.seq),
    postgresql_where=text(condition()),
)  # fmt: skip
