"""What became of the data of a subscription that has ended."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class Disposal(SQLModel, table=True):
    """`id` is the subscription's; there is none while nothing was reported."""

    __tablename__: ClassVar[Any] = "disposal"
    __table_args__ = (
        CheckConstraint("status IN ('reported', 'returned', 'confirmed')", name="disposal_status"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True, foreign_key="exchange.subscription.id")
    status: str
    method: str
    done_on: date
    note: str | None = None
    reported_by: str
    reported_at: datetime = timestamp()
    answered_by: str | None = None
    answered_at: datetime | None = timestamp(nullable=True)
    answer_reason: str | None = None
    revision: int = 1
