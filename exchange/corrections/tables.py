"""Corrections: what consumers object to in records, and what became of it."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from exchange.store import Kept
from kernel.tables import numbered, timestamp

SCHEMA = "exchange"
DEPARTMENT = "auth.department.uscc"


class Correction(SQLModel, table=True):
    """`key` is as the subscription sees it, `record_key` the provider's; None is not known yet.

    `partition` and `place` are those of the disputed record, `digests` those of its disputed values
    under a key of the platform. The fix lies at `fix_place` of `fix_partition`. `settle_at` is when
    the worker looks again for subscriptions that received the value.
    """

    __tablename__: ClassVar[Any] = "correction"
    __table_args__ = (
        CheckConstraint(
            "status IN ('submitted', 'accepted', 'rejected', 'fixed', 'confirmed', 'withdrawn')",
            name="correction_state",
        ),
        Index("correction_subscription", "subscription_id"),
        Index("correction_resource", "resource_id"),
        Index("correction_consumer", "consumer_department", "id"),
        Index("correction_provider", "provider_department", "status", "due_at"),
        Index(
            "correction_region",
            "region_code",
            "status",
            postgresql_ops={"region_code": "text_pattern_ops"},
        ),
        Index(
            "correction_unbreached",
            "due_at",
            postgresql_where=text("breached_at IS NULL AND status IN ('submitted', 'accepted')"),
        ),
        Index("correction_unsettled", "settle_at", postgresql_where=text("settle_at IS NOT NULL")),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    subscription_id: str = Field(foreign_key="exchange.subscription.id")
    resource_id: str = Field(foreign_key="catalog.resource.id")
    client_id: str
    consumer_department: str = Field(foreign_key=DEPARTMENT)
    provider_department: str = Field(foreign_key=DEPARTMENT)
    region_code: str
    status: str
    key: str
    record_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    problem: str
    items: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    # Of the disputed items, for statistics.
    elements: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    description: str
    submitted_by: str
    submitted_at: datetime = timestamp()
    due_at: datetime = timestamp()
    due_from: date | None = None
    due_days: int | None = None
    due_calendar: int | None = None
    breached_at: datetime | None = timestamp(nullable=True)
    breaches: int = 0
    partition: int | None = None
    place: int | None = Field(default=None, sa_type=BigInteger)
    record_version: int | None = None
    digests: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    # The fix lies behind it: the disputed record, the end of the log where there is none, or a fix
    # that was no good.
    after_place: int = Field(default=-1, sa_type=BigInteger)
    revision_disputed: int
    version_disputed: int
    answered_by: str | None = None
    answered_at: datetime | None = timestamp(nullable=True)
    answer_reason: str | None = None
    receipt_id: str | None = None
    fixed_by: str | None = None
    fixed_at: datetime | None = timestamp(nullable=True)
    fix_partition: int | None = None
    fix_place: int | None = Field(default=None, sa_type=BigInteger)
    settle_at: datetime | None = timestamp(nullable=True)
    reopened_at: datetime | None = timestamp(nullable=True)
    closed_at: datetime | None = timestamp(nullable=True)
    revision: int = 1

    @property
    def is_unsigned(self) -> bool:
        """Whether a head has still to sign: a correction is received when it is raised."""
        return False


class CorrectionHistory(Kept, table=True):
    __tablename__: ClassVar[Any] = "correction_history"
    __table_args__ = (Index("correction_history_of", "correction_id", "id"), {"schema": SCHEMA})

    id: int | None = numbered()
    correction_id: str = Field(foreign_key="exchange.correction.id")
