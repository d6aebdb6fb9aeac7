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


class DeliveredRange(SQLModel, table=True):
    """Offsets that were looked at for pages that left, both ends inclusive; kept for good.

    Which corrections a subscription sees marked depends on it (P13).
    """

    __tablename__: ClassVar[Any] = "delivered_range"
    __table_args__ = {"schema": SCHEMA}

    subscription_id: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    version: int = Field(primary_key=True)
    first: int = Field(sa_type=BigInteger, primary_key=True)
    last: int = Field(sa_type=BigInteger)


class LostSecond(SQLModel, table=True):
    """A worker that had served the subscription was killed then, and with it its last second.

    What the log held at that moment it may have handed on.
    """

    __tablename__: ClassVar[Any] = "lost_second"
    __table_args__ = {"schema": SCHEMA}

    subscription_id: str = Field(primary_key=True)
    until: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))


class CountFlush(SQLModel, table=True):
    """The number of the last flush of counts that a gateway worker has stored.

    `life` is that of the worker (kernel/changes.py); one that is over before `ended` was killed,
    and what it counted in its last second is not known.
    """

    __tablename__: ClassVar[Any] = "count_flush"
    __table_args__ = {"schema": SCHEMA}

    worker: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)
    at: datetime = timestamp()
    life: int | None = Field(default=None, sa_type=BigInteger)
    ended: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})


class DailyUse(SQLModel, table=True):
    """Records that left through a subscription on one day, Asia/Shanghai, or are reserved to."""

    __tablename__: ClassVar[Any] = "daily_use"
    __table_args__ = (Index("daily_use_day", "day"), {"schema": SCHEMA})

    subscription_id: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    records: int = Field(sa_type=BigInteger)
