"""One form for many resources and systems: an application each."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class Bundle(SQLModel, table=True):
    """What the lines have in common; `skipped` are lines that were no applications."""

    __tablename__: ClassVar[Any] = "bundle"
    __table_args__ = (Index("bundle_department", "department", "id"), {"schema": SCHEMA})

    id: str = Field(primary_key=True)
    department: str = Field(foreign_key="auth.department.uscc")
    title: str
    basis: str
    scenario: str
    scope: str
    valid_until: date
    skipped: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    created_by: str
    created_at: datetime = timestamp()
    signed_by: str | None = None
    signed_at: datetime | None = timestamp(nullable=True)


class BundleLine(SQLModel, table=True):
    """`problem` is why the head's signature did not hold for the line."""

    __tablename__: ClassVar[Any] = "bundle_line"
    __table_args__ = (
        Index("bundle_line_application", "application_id", unique=True),
        {"schema": SCHEMA},
    )

    bundle_id: str = Field(primary_key=True, foreign_key="exchange.bundle.id")
    line: int = Field(primary_key=True)
    application_id: str = Field(foreign_key="exchange.application.id")
    problem: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
