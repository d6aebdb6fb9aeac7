"""Violations of Order 809 Art 39–41: each is counted once, by its type."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class Violation(SQLModel, table=True):
    """`department` is held responsible; `thing` and `thing_id` name what it failed at.

    `occasion` tells several of one type at one thing apart: the deadline of an entry. A violation
    that an authority found has the order as its thing. Never changed and never deleted.
    """

    __tablename__: ClassVar[Any] = "violation"
    __table_args__ = (
        Index("violation_once", "type", "thing_id", "occasion", unique=True),
        Index("violation_department", "department", "type", "id"),
        Index("violation_of_type", "type", "occurred_at"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    type: str
    department: str = Field(foreign_key="auth.department.uscc")
    # The department's division of that day.
    region_code: str
    thing: str
    thing_id: str
    occasion: str = ""
    due_at: datetime | None = timestamp(nullable=True)
    occurred_at: datetime = timestamp()
