"""Disputes between two departments, and what happened to them."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from exchange.store import Kept
from kernel.tables import numbered, timestamp

SCHEMA = "exchange"
DEPARTMENT = "auth.department.uscc"


class Dispute(SQLModel, table=True):
    """`about_id` is the id of the thing; `about` says more of it, by kind.

    The divisions are those of the two departments when it was opened.
    """

    __tablename__: ClassVar[Any] = "dispute"
    __table_args__ = (
        Index("dispute_about", "kind", "about_id"),
        Index("dispute_claimant", "claimant_department", "id"),
        Index("dispute_respondent", "respondent_department", "id"),
        Index("dispute_decided_department", "decided_department"),
        Index("dispute_settlement_by", "settlement_by"),
        # A department has one open dispute about a thing; each objection to a version is one.
        Index(
            "dispute_one_open",
            "kind",
            "about_id",
            "claimant_department",
            unique=True,
            postgresql_where=text(
                "kind <> 'version' AND status IN ('open', 'replied', 'escalated', 'appealed')"
            ),
        ),
        CheckConstraint(
            "kind IN ('source', 'catalogue', 'application', 'use', 'correction', 'version')",
            name="dispute_kind",
        ),
        CheckConstraint(
            "status IN ('open', 'replied', 'escalated', 'decided', 'appealed', 'closed')",
            name="dispute_status",
        ),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="dispute_decision"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    kind: str
    about_id: str
    about: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    status: str
    claimant_department: str = Field(foreign_key=DEPARTMENT)
    respondent_department: str = Field(foreign_key=DEPARTMENT)
    claimant_region: str
    respondent_region: str
    claim: str
    opened_by: str
    opened_at: datetime = timestamp()
    reply: str | None = None
    replied_by: str | None = None
    replied_at: datetime | None = timestamp(nullable=True)
    decision: str | None = None
    decision_reason: str | None = None
    decided_by: str | None = None
    decided_department: str | None = Field(default=None, foreign_key=DEPARTMENT)
    decided_at: datetime | None = timestamp(nullable=True)
    appeal_until: datetime | None = timestamp(nullable=True)
    # What one department proposes; both have agreed to it where the dispute is closed undecided.
    settlement: str | None = None
    settlement_by: str | None = Field(default=None, foreign_key=DEPARTMENT)
    escalated_at: datetime | None = timestamp(nullable=True)
    appealed_by: str | None = None
    appealed_at: datetime | None = timestamp(nullable=True)
    appeal_reason: str | None = None
    final_decision: str | None = None
    document: str | None = None
    closed_at: datetime | None = timestamp(nullable=True)
    revision: int = 1


class DisputeHistory(Kept, table=True):
    __tablename__: ClassVar[Any] = "dispute_history"
    __table_args__ = (Index("dispute_history_of", "dispute_id", "id"), {"schema": SCHEMA})

    id: int | None = numbered()
    dispute_id: str = Field(foreign_key="exchange.dispute.id")
