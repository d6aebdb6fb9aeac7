"""Demands for data that nobody shares yet, and what happened to them."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from exchange.store import Kept
from kernel.tables import numbered, timestamp

SCHEMA = "exchange"
DEPARTMENT = "auth.department.uscc"


class Demand(SQLModel, table=True):
    """`department` asks; the authority of `region_code` finds who can supply."""

    __tablename__: ClassVar[Any] = "demand"
    __table_args__ = (
        Index("demand_department", "department", "id"),
        Index("demand_assigned", "assigned_department", "id"),
        Index(
            "demand_region_status",
            "status",
            "region_code",
            postgresql_ops={"region_code": "text_pattern_ops"},
        ),
        Index("demand_merged_into", "merged_into"),
        Index("demand_resource", "resource_id"),
        Index("demand_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
        CheckConstraint(
            "status IN ('draft', 'submitted', 'assigned', 'accepted', 'merged', 'met', 'closed')",
            name="demand_status",
        ),
        CheckConstraint("(status = 'met') = (resource_id IS NOT NULL)", name="demand_met"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    status: str
    department: str = Field(foreign_key=DEPARTMENT)
    region_code: str
    title: str
    description: str
    items: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    basis: str
    scenario: str
    created_by: str
    created_at: datetime = timestamp()
    submitted_by: str | None = None
    submitted_at: datetime | None = timestamp(nullable=True)
    merged_into: str | None = Field(default=None, foreign_key="exchange.demand.id")
    assigned_department: str | None = Field(default=None, foreign_key=DEPARTMENT)
    assigned_at: datetime | None = timestamp(nullable=True)
    planned_on: date | None = None
    declined_reason: str | None = None
    resource_id: str | None = Field(default=None, foreign_key="catalog.resource.id")
    # When it was met or closed.
    ended_at: datetime | None = timestamp(nullable=True)
    revision: int = 1


class DemandHistory(Kept, table=True):
    __tablename__: ClassVar[Any] = "demand_history"
    __table_args__ = (Index("demand_history_of", "demand_id", "id"), {"schema": SCHEMA})

    id: int | None = numbered()
    demand_id: str = Field(foreign_key="exchange.demand.id")
