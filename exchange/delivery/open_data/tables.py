"""Files of open entries, one for each format, made when somebody asks and kept until it is old."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ARRAY, BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class OpenFile(SQLModel, table=True):
    """What is made of an entry at `position`; `blob_id` and the rest are null until it first is.

    `identity` names what the entry shows of `versions`; `job_id` is the job that makes it anew.
    """

    __tablename__: ClassVar[Any] = "open_file"
    __table_args__ = (Index("open_file_asked_at", "asked_at"), {"schema": SCHEMA})

    resource_id: str = Field(primary_key=True, foreign_key="catalog.resource.id")
    format: str = Field(primary_key=True)
    asked_at: datetime = timestamp()
    job_id: str | None = None
    blob_id: str | None = None
    made_at: datetime | None = timestamp(nullable=True)
    position: list[int] | None = Field(default=None, sa_column=Column(ARRAY(BigInteger)))
    as_of: datetime | None = timestamp(nullable=True)
    version: int | None = None
    versions: list[int] | None = Field(default=None, sa_column=Column(ARRAY(BigInteger)))
    identity: bytes | None = Field(default=None, sa_type=LargeBinary)
    rows: int | None = Field(default=None, sa_type=BigInteger)
