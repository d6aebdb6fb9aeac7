"""Mergers and moves of departments: planned for a day, carried out by the worker on it."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"
DEPARTMENT = "auth.department.uscc"


class DepartmentChange(SQLModel, table=True):
    """`successor` of a merger, `region_code` of a move; `outcome` is what became of everything.

    `problem` says why it could not be done. What others wrote for the merged department while it
    was under way is brought after it by `swept_at`.
    """

    __tablename__: ClassVar[Any] = "department_change"
    __table_args__ = (
        # Whoever races: a department has one plan at a time.
        Index(
            "department_change_one_planned",
            "department",
            unique=True,
            postgresql_where=text("status = 'planned'"),
        ),
        Index("department_change_of", "department", "id"),
        Index("department_change_to", "successor", "id"),
        Index("department_change_due", "on_day", postgresql_where=text("status = 'planned'")),
        Index(
            "department_change_unswept",
            "finished_at",
            postgresql_where=text("status = 'done' AND swept_at IS NULL"),
        ),
        CheckConstraint("kind IN ('merge', 'move')", name="department_change_kind"),
        CheckConstraint(
            "status IN ('planned', 'done', 'cancelled', 'failed')",
            name="department_change_status",
        ),
        CheckConstraint(
            "(kind = 'merge') = (successor IS NOT NULL)"
            " AND (kind = 'move') = (region_code IS NOT NULL)",
            name="department_change_target",
        ),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    kind: str
    department: str = Field(foreign_key=DEPARTMENT)
    successor: str | None = Field(default=None, foreign_key=DEPARTMENT)
    region_code: str | None = None
    on_day: date
    basis: str
    status: str
    requested_by: str
    requested_at: datetime = timestamp()
    finished_at: datetime | None = timestamp(nullable=True)
    swept_at: datetime | None = timestamp(nullable=True)
    outcome: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    problem: str | None = None
