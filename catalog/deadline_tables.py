"""The table of deadlines that run for an entry of the catalogue."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from kernel.tables import numbered, timestamp

SCHEMA = "catalog"


class Kind(StrEnum):
    """Which deadline: C1 and C2 of Order 809 Art 17, a lost source's, the yearly review's."""

    UPDATE = "C1"
    REVIEW = "C2"
    SOURCE_LOST = "source_lost"
    YEARLY = "yearly"


# Not missed yet, and not settled in time.
UNDECIDED = (
    "breached_at IS NULL"
    " AND (coalesce(met_at, ended_at) IS NULL OR coalesce(met_at, ended_at) >= due_at)"
)


class Deadline(SQLModel, table=True):
    """One term of working days of a resource, or its year; open until `ended_at`.

    `subject` is the element of a lost source, else empty. `met_at` is set while the authority has
    the turn. `note` holds what the parties said.
    """

    __tablename__: ClassVar[Any] = "deadline"
    __table_args__ = (
        # A resource has one open deadline of a kind, and one for each source that it lost.
        Index(
            "deadline_one_open",
            "resource_id",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("deadline_resource", "resource_id"),
        Index("deadline_undecided", "due_at", postgresql_where=text(UNDECIDED)),
        Index(
            "deadline_lost",
            "subject",
            postgresql_where=text("ended_at IS NULL AND kind = 'source_lost'"),
        ),
        CheckConstraint("kind IN ('C1', 'C2', 'source_lost', 'yearly')", name="deadline_kind"),
        {"schema": SCHEMA},
    )

    id: int | None = numbered()
    resource_id: str = Field(foreign_key="catalog.resource.id")
    kind: str
    subject: str = ""
    version: int | None = None
    began_at: datetime = timestamp()
    due_at: datetime = timestamp()
    due_from: date
    due_days: int
    due_calendar: int
    met_at: datetime | None = timestamp(nullable=True)
    ended_at: datetime | None = timestamp(nullable=True)
    breached_at: datetime | None = timestamp(nullable=True)
    note: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
