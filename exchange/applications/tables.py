"""Applications for sharing, and what happened to each."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from exchange.store import Kept
from kernel.tables import numbered, timestamp

SCHEMA = "exchange"
DEPARTMENT = "auth.department.uscc"
UNDECIDED = "status IN ('draft', 'submitted', 'supplement_requested', 'extension_requested')"


class Application(SQLModel, table=True):
    """`region_code` is the provider's division: its authority consents and reroutes."""

    __tablename__: ClassVar[Any] = "application"
    __table_args__ = (
        Index("application_consumer", "consumer_department", "id"),
        Index("application_provider", "provider_department", "id"),
        Index("application_consumer_status", "consumer_department", "status"),
        Index("application_provider_status", "provider_department", "status", "due_at"),
        Index(
            "application_region_status",
            "status",
            "region_code",
            postgresql_ops={"region_code": "text_pattern_ops"},
        ),
        Index(
            "application_one_renewal",
            "renews",
            unique=True,
            postgresql_where=text(f"renews IS NOT NULL AND {UNDECIDED}"),
        ),
        Index(
            "application_one_amendment",
            "amends",
            unique=True,
            postgresql_where=text(f"amends IS NOT NULL AND {UNDECIDED}"),
        ),
        Index("application_due", "status", "due_at"),
        Index("application_due_at", "due_at"),
        Index("application_calendar", "status", "due_calendar"),
        Index(
            "application_replies",
            "resource_id",
            "status",
            "decided_at",
            postgresql_include=["submitted_at"],
        ),
        Index("application_client", "client_id"),
        CheckConstraint(
            "status IN ('draft', 'submitted', 'supplement_requested', 'extension_requested',"
            " 'agreed', 'refused', 'rerouted', 'withdrawn')",
            name="application_status",
        ),
        CheckConstraint(
            "mode IN ('pull', 'push', 'query', 'verify', 'file', 'table', 'api')",
            name="application_mode",
        ),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    consumer_department: str = Field(foreign_key=DEPARTMENT)
    provider_department: str = Field(foreign_key=DEPARTMENT)
    region_code: str
    resource_id: str = Field(foreign_key="catalog.resource.id")
    resource_version: int
    client_id: str = Field(foreign_key="auth.client.client_id")
    items: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    mode: str
    basis: str
    scenario: str
    scope: str
    valid_from: date | None = None
    valid_until: date
    row_filter: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    records_per_day: int | None = Field(default=None, sa_type=BigInteger)
    editions: dict[str, str] = Field(
        default_factory=dict,
        sa_column=Column(JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    )
    commitment: bool
    # Data of a lower area that go back to it (Art 24).
    return_flow: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    status: str
    revision: int = 1
    created_by: str
    created_at: datetime = timestamp()
    submitted_at: datetime | None = timestamp(nullable=True)
    clock: str | None = None
    due_at: datetime | None = timestamp(nullable=True)
    due_from: date | None = None
    due_days: int | None = None
    due_calendar: int | None = None
    held_days: int | None = None
    extended_days: int = 0
    asked_days: int | None = None
    supplement_used: bool = False
    breached_at: datetime | None = timestamp(nullable=True)
    decided_at: datetime | None = timestamp(nullable=True)
    decided_by: str | None = None
    decision: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )
    subscription_id: str | None = None
    rerouted_from: str | None = None
    rerouted_to: str | None = None
    renews: str | None = None
    amends: str | None = None

    @property
    def continues(self) -> str | None:
        """The subscription that goes on by it, None where one is to be made."""
        return self.renews or self.amends

    @property
    def is_unsigned(self) -> bool:
        """Whether the consumer's head never signed it: it is nobody else's yet."""
        return self.submitted_at is None


class ApplicationHistory(Kept, table=True):
    __tablename__: ClassVar[Any] = "application_history"
    __table_args__ = (Index("application_history_of", "application_id", "id"), {"schema": SCHEMA})

    id: int | None = numbered()
    application_id: str = Field(foreign_key="exchange.application.id")
