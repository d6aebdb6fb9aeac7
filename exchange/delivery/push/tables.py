"""Endpoints, how far each partition was pushed, what was delivered, and the state of hosts."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from kernel.encrypted import Encrypted
from kernel.tables import timestamp

SCHEMA = "exchange"
SUBSCRIPTION = "exchange.subscription.id"


class Endpoint(SQLModel, table=True):
    """Where a subscription is pushed to; `id` is the subscription's.

    `holder` pushes until `leased_until`. Two secrets sign until `previous_until`.
    """

    __tablename__: ClassVar[Any] = "push_endpoint"
    __table_args__ = (
        CheckConstraint(
            "status IN ('untested', 'active', 'paused', 'stopped')", name="push_endpoint_status"
        ),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True, foreign_key=SUBSCRIPTION)
    status: str = "untested"
    paused_by: str | None = None
    reason: str | None = None
    url: str
    format: str
    max_records: int
    max_bytes: int
    secret: bytes = Field(sa_type=Encrypted)
    previous_secret: bytes | None = Field(default=None, sa_type=Encrypted)
    previous_until: datetime | None = timestamp(nullable=True)
    tested_at: datetime | None = timestamp(nullable=True)
    holder: str | None = None
    leased_until: datetime | None = timestamp(nullable=True)
    created_at: datetime = timestamp()
    changed_at: datetime = timestamp()
    revision: int = 1


class Lane(SQLModel, table=True):
    """How far one partition was pushed, and the batch that is under way or waits to be retried.

    `next_offset` is null where it begins with the first record that the log keeps. `reserved` are
    records of the batch that the day's use holds already. `told` is the last recalled key that was
    pushed, `batch_told` that of a batch of such keys (exchange/recalls).
    """

    __tablename__: ClassVar[Any] = "push_lane"
    __table_args__ = {"schema": SCHEMA}

    subscription_id: str = Field(primary_key=True, foreign_key=SUBSCRIPTION)
    partition: int = Field(primary_key=True)
    topic_id: bytes = Field(sa_type=LargeBinary)
    next_offset: int | None = Field(default=None, sa_type=BigInteger)
    batch_end: int | None = Field(default=None, sa_type=BigInteger)
    delivery_id: str | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = timestamp(nullable=True)
    reserved: int | None = None
    told: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0"))
    )
    batch_told: int | None = Field(default=None, sa_type=BigInteger)


class Delivery(SQLModel, table=True):
    """A batch, as its consumer is told of it; places of the log are told to nobody."""

    __tablename__: ClassVar[Any] = "push_delivery"
    __table_args__ = (
        CheckConstraint(
            "status IN ('sending', 'waiting', 'delivered', 'skipped')", name="push_delivery_status"
        ),
        Index("push_delivery_of", "subscription_id", "number"),
        Index("push_delivery_status_of", "subscription_id", "status", "number"),
        Index("push_delivery_ended", "ended_at"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    number: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), nullable=False)
    )
    subscription_id: str = Field(foreign_key=SUBSCRIPTION)
    partition: int
    status: str
    records: int
    size_bytes: int
    available_only: bool = False
    attempts: int
    begun_at: datetime = timestamp()
    tried_at: datetime = timestamp()
    next_attempt_at: datetime | None = timestamp(nullable=True)
    ended_at: datetime | None = timestamp(nullable=True)
    answer_status: int | None = None
    answer: bytes | None = Field(default=None, sa_type=LargeBinary)
    failure: str | None = None
    skipped_by: str | None = None
    skip_reason: str | None = None


class Host(SQLModel, table=True):
    """A host with its failures in a row; nobody calls it before `open_until` but one who tests."""

    __tablename__: ClassVar[Any] = "push_host"
    __table_args__ = {"schema": SCHEMA}

    host: str = Field(primary_key=True)
    failures: int
    open_until: datetime | None = timestamp(nullable=True)
    changed_at: datetime = timestamp()
