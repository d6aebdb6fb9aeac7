"""Full replacements: all records of a resource loaded anew, beside what goes on as ever."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class Replacement(SQLModel, table=True):
    """`starts` are the ends of the partitions when it began, of the topic `topic_id`.

    After `ends_at` one that is not committed is over, whatever `status` says.
    """

    __tablename__: ClassVar[Any] = "replacement"
    __table_args__ = (
        CheckConstraint(
            "status IN ('open', 'committing', 'committed', 'aborted', 'expired')",
            name="replacement_status",
        ),
        Index(
            "replacement_one_open",
            "resource_id",
            unique=True,
            postgresql_where=text("status IN ('open', 'committing')"),
        ),
        Index("replacement_resource", "resource_id", "id"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    resource_id: str
    status: str
    revision: int = 1
    topic_id: bytes = Field(sa_type=LargeBinary)
    starts: list[int] = Field(sa_column=Column(JSONB, nullable=False))
    began_by: str
    began_at: datetime = timestamp()
    ends_at: datetime = timestamp()
    job_id: str | None = None
    ended_at: datetime | None = timestamp(nullable=True)
    # What the commit deleted.
    deletes: int | None = Field(default=None, sa_type=BigInteger)
