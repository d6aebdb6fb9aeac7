"""Subscriptions: what an agreed application grants, and what happened to it."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from exchange.store import Kept
from kernel.tables import numbered, timestamp

SCHEMA = "exchange"
DEPARTMENT = "auth.department.uscc"


class Subscription(SQLModel, table=True):
    """What an agreed application grants to one client; `revision` grows when its terms change."""

    __tablename__: ClassVar[Any] = "subscription"
    __table_args__ = (
        Index("subscription_of", "resource_id", "id"),
        Index(
            "subscription_users",
            "resource_id",
            "consumer_department",
            "valid_until",
            postgresql_where=text("status IN ('active', 'suspended')"),
        ),
        Index("subscription_client", "client_id"),
        CheckConstraint(
            "status IN ('active', 'suspended', 'expired', 'terminated')", name="subscription_state"
        ),
        Index("subscription_consumer", "consumer_department", "id"),
        Index("subscription_provider", "provider_department", "id"),
        Index("subscription_provider_status", "provider_department", "status", "deliver_by"),
        Index(
            "subscription_region_status",
            "status",
            "region_code",
            postgresql_ops={"region_code": "text_pattern_ops"},
        ),
        Index("subscription_status", "status", "valid_until"),
        Index("subscription_deliver_by", "deliver_by"),
        Index(
            "subscription_undelivered",
            "deliver_by",
            postgresql_where=text("delivered_at IS NULL AND delivery_breached_at IS NULL"),
        ),
        Index(
            "subscription_usage_due",
            "usage_due_on",
            postgresql_where=text("status IN ('active', 'suspended')"),
        ),
        CheckConstraint(
            "mode IN ('pull', 'push', 'query', 'verify', 'file', 'table', 'api')",
            name="subscription_mode",
        ),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="exchange.application.id", unique=True)
    resource_id: str = Field(foreign_key="catalog.resource.id")
    resource_version: int
    client_id: str = Field(foreign_key="auth.client.client_id")
    consumer_department: str = Field(foreign_key=DEPARTMENT)
    provider_department: str = Field(foreign_key=DEPARTMENT)
    region_code: str
    items: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    elements: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    masks: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    unmasked: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    row_filter: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    editions: dict[str, str] = Field(
        default_factory=dict,
        sa_column=Column(JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    )
    mode: str
    # Whether a verify tells which items are not as expected.
    detail: bool = False
    # Whether each page that is handed on is written down, for both sides to agree on.
    ledger: bool = False
    # Data of a lower area that go back to it: without conditions or a quota (Art 24).
    return_flow: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    records_per_day: int | None = Field(default=None, sa_type=BigInteger)
    valid_from: date | None = None
    valid_until: date
    status: str
    suspended_by: str | None = None
    suspend_reason: str | None = None
    remedy_by: date | None = None
    filing: str | None = None
    ended_at: datetime | None = timestamp(nullable=True)
    end_reason: str | None = None
    deliver_by: datetime = timestamp()
    deliver_from: date | None = None
    deliver_days: int | None = None
    deliver_calendar: int | None = None
    delivered_at: datetime | None = timestamp(nullable=True)
    delivery_breached_at: datetime | None = timestamp(nullable=True)
    # The last day on which the consumer may record its use in time (Art 29).
    usage_due_on: date | None = None
    position: Any = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    position_at: datetime | None = timestamp(nullable=True)
    # The id of the topic whose offsets they are; None of builds that did not keep it.
    position_topic: bytes | None = Field(default=None, sa_type=LargeBinary)
    # The last recalled key that was told before this position (exchange/recalls).
    position_told: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0"))
    )
    created_at: datetime = timestamp()
    revision: int = 1

    @property
    def is_unsigned(self) -> bool:
        """Whether a head has still to sign: never, an agreement made it."""
        return False


class EarlierTerms(SQLModel, table=True):
    """What was granted up to a revision: what was handed on until then is read by it (P13)."""

    __tablename__: ClassVar[Any] = "earlier_terms"
    __table_args__ = {"schema": SCHEMA}

    subscription_id: str = Field(foreign_key="exchange.subscription.id", primary_key=True)
    until_revision: int = Field(primary_key=True)
    resource_version: int
    items: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    elements: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    masks: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    unmasked: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    row_filter: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))


class SubscriptionStop(SQLModel, table=True):
    """When delivery was stopped, which worker lives there were, and when each let something leave.

    `reports` are seconds since 1970 by life, null where nothing ever left.
    """

    __tablename__: ClassVar[Any] = "subscription_stop"
    __table_args__ = {"schema": SCHEMA}

    subscription_id: str = Field(foreign_key="exchange.subscription.id", primary_key=True)
    at: datetime = timestamp()
    lives: list[int] = Field(sa_column=Column(JSONB, nullable=False))
    reports: dict[str, float | None] = Field(sa_column=Column(JSONB, nullable=False))


class SubscriptionHistory(Kept, table=True):
    __tablename__: ClassVar[Any] = "subscription_history"
    __table_args__ = (
        Index("subscription_history_of", "subscription_id", "id"),
        {"schema": SCHEMA},
    )

    id: int | None = numbered()
    subscription_id: str = Field(foreign_key="exchange.subscription.id")


class LiveResource(SQLModel, table=True):
    """Since when a resource holds records, a file or a service to be taken (Art 22, C6)."""

    __tablename__: ClassVar[Any] = "live_resource"
    __table_args__ = (
        CheckConstraint("kind IN ('records', 'file', 'service')", name="live_resource_kind"),
        {"schema": SCHEMA},
    )

    resource_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    since: datetime = timestamp()
