"""Orders to remedy violations, what they are about, and what happened to them."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from exchange.store import Kept
from kernel.tables import numbered, timestamp

SCHEMA = "exchange"
DEPARTMENT = "auth.department.uscc"


class Order(SQLModel, table=True):
    """`department` is to remedy; `region_code` is its division when the order was issued."""

    __tablename__: ClassVar[Any] = "supervision_order"
    __table_args__ = (
        Index("supervision_order_department", "department", "id"),
        Index("supervision_order_authority", "authority_department"),
        Index(
            "supervision_order_region_status",
            "status",
            "region_code",
            postgresql_ops={"region_code": "text_pattern_ops"},
        ),
        CheckConstraint(
            "status IN ('open', 'answered', 'closed')", name="supervision_order_status"
        ),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    status: str
    department: str = Field(foreign_key=DEPARTMENT)
    region_code: str
    authority_department: str = Field(foreign_key=DEPARTMENT)
    text: str
    due_on: date
    issued_by: str
    issued_at: datetime = timestamp()
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = timestamp(nullable=True)
    reopen_reason: str | None = None
    closed_by: str | None = None
    closed_at: datetime | None = timestamp(nullable=True)
    revision: int = 1


class OrderViolation(SQLModel, table=True):
    """Which violations an order is about."""

    __tablename__: ClassVar[Any] = "supervision_order_violation"
    __table_args__ = (
        Index("supervision_order_violation_of", "violation_id"),
        {"schema": SCHEMA},
    )

    order_id: str = Field(primary_key=True, foreign_key="exchange.supervision_order.id")
    violation_id: str = Field(primary_key=True, foreign_key="exchange.violation.id")


class OrderHistory(Kept, table=True):
    __tablename__: ClassVar[Any] = "supervision_order_history"
    __table_args__ = (Index("supervision_order_history_of", "order_id", "id"), {"schema": SCHEMA})

    id: int | None = numbered()
    order_id: str = Field(foreign_key="exchange.supervision_order.id")
