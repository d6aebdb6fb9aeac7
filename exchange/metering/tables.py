"""Counts of what was published and read, and what of a day's quota is used."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, DateTime, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


def evidence() -> Any:  # noqa: ANN401 - SQLModel's Field is untyped
    nothing = text("'{}'::jsonb")
    return Field(sa_column=Column(JSONB, nullable=False, server_default=nothing))


class PublishCount(SQLModel, table=True):
    """What one client published to one resource in one minute; sealed once it is in the audit.

    `evidence` is what each gateway worker can show for it (exchange/metering/evidence/trails.py).
    """

    __tablename__: ClassVar[Any] = "publish_count"
    __table_args__ = (
        Index("publish_count_unsealed", "minute", postgresql_where=text("NOT sealed")),
        Index("publish_count_minute", "minute"),
        {"schema": SCHEMA},
    )

    resource_id: str = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    minute: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    department: str
    batches: int = Field(sa_type=BigInteger)
    records: int = Field(sa_type=BigInteger)
    bytes_: int = Field(sa_column_kwargs={"name": "bytes"}, sa_type=BigInteger)
    evidence: dict[str, Any] = evidence()
    sealed: bool = False


class PublishedTotal(SQLModel, table=True):
    """What was published to one resource in all, and when last, to about a second."""

    __tablename__: ClassVar[Any] = "published_total"
    __table_args__ = {"schema": SCHEMA}

    resource_id: str = Field(primary_key=True)
    records: int = Field(sa_type=BigInteger)
    last_published_at: datetime = timestamp()


class ReadCount(SQLModel, table=True):
    """What left through one subscription in one minute; sealed once it is in the audit.

    `evidence` is what each gateway worker can show for it (exchange/metering/evidence/trails.py).
    """

    __tablename__: ClassVar[Any] = "read_count"
    __table_args__ = (
        Index("read_count_unsealed", "minute", postgresql_where=text("NOT sealed")),
        Index("read_count_minute", "minute"),
        {"schema": SCHEMA},
    )

    subscription_id: str = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    minute: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    department: str
    pages: int = Field(sa_type=BigInteger)
    records: int = Field(sa_type=BigInteger)
    bytes_: int = Field(sa_column_kwargs={"name": "bytes"}, sa_type=BigInteger)
    evidence: dict[str, Any] = evidence()
    sealed: bool = False


class DeliveredDay(SQLModel, table=True):
    """What left through a subscription on one day, Asia/Shanghai; never forgotten.

    `answers` are those that carried records.
    """

    __tablename__: ClassVar[Any] = "delivered_day"
    __table_args__ = (Index("delivered_day_day", "day"), {"schema": SCHEMA})

    subscription_id: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    answers: int = Field(sa_type=BigInteger)
    records: int = Field(sa_type=BigInteger)
    bytes_: int = Field(sa_column_kwargs={"name": "bytes"}, sa_type=BigInteger)


class CountFlush(SQLModel, table=True):
    """The number of the last flush of counts that a gateway worker has stored."""

    __tablename__: ClassVar[Any] = "count_flush"
    __table_args__ = {"schema": SCHEMA}

    worker: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)
    at: datetime = timestamp()


class DailyUse(SQLModel, table=True):
    """Records that left through a subscription on one day, Asia/Shanghai, or are reserved to."""

    __tablename__: ClassVar[Any] = "daily_use"
    __table_args__ = (Index("daily_use_day", "day"), {"schema": SCHEMA})

    subscription_id: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    records: int = Field(sa_type=BigInteger)
