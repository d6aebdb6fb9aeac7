"""What consumers and the authority said to an announced version."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp


class VersionAnswer(SQLModel, table=True):
    """The newest answer of one subscription; `announced_at` says to which announcement.

    A version that was returned and announced again is answered anew.
    """

    __tablename__: ClassVar[Any] = "version_answer"
    __table_args__ = (
        Index("version_answer_resource", "resource_id", "version"),
        Index("version_answer_dispute", "dispute_id"),
        CheckConstraint(
            "answer IN ('accepted', 'objected', 'filed')", name="version_answer_answer"
        ),
        {"schema": "exchange"},
    )

    subscription_id: str = Field(primary_key=True, foreign_key="exchange.subscription.id")
    version: int = Field(primary_key=True)
    resource_id: str = Field(foreign_key="catalog.resource.id")
    announced_at: datetime = timestamp()
    answer: str
    reason: str | None = None
    dispute_id: str | None = Field(default=None, foreign_key="exchange.dispute.id")
    answered_by: str
    answered_at: datetime = timestamp()
