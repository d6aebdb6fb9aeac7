"""Use records (Order 809 Art 29): what a consumer did with what it received."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class UsageRecord(SQLModel, table=True):
    """Never changed and never deleted: at least three years are asked for (C8)."""

    __tablename__: ClassVar[Any] = "usage_record"
    __table_args__ = (Index("usage_record_of", "subscription_id", "id"), {"schema": SCHEMA})

    id: str = Field(primary_key=True)
    subscription_id: str = Field(foreign_key="exchange.subscription.id")
    period_from: date
    period_to: date
    scenario: str
    process: str
    effect: str
    storage: str
    destroyed: str | None = None
    recorded_by: str
    recorded_at: datetime = timestamp()
