"""Years of the calendar that an authority corrected or added."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from kernel.tables import SCHEMA, timestamp


class CalendarYear(SQLModel, table=True):
    """`days` map days, as ISO 8601 writes them, to whether people work on them."""

    __tablename__: ClassVar[Any] = "calendar_year"
    __table_args__ = {"schema": SCHEMA}

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int
    days: dict[str, bool] = Field(sa_column=Column(JSONB, nullable=False))
    basis: str
    changed_by: str
    changed_at: datetime = timestamp()
