"""What was handed on through subscriptions with a ledger, page by page, and what was confirmed."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from kernel.tables import numbered, timestamp

SCHEMA = "exchange"


class LedgerPage(SQLModel, table=True):
    """One answer with records; `digest` is SHA-256 of its lines, `day` that of its first byte."""

    __tablename__: ClassVar[Any] = "ledger_page"
    __table_args__ = (
        Index("ledger_page_day", "subscription_id", "day", "id"),
        Index("ledger_page_old", "day", postgresql_using="brin"),
        {"schema": SCHEMA},
    )

    id: int | None = numbered()
    subscription_id: str
    day: date
    page: str
    records: int
    deletes: int
    digest: bytes = Field(sa_type=LargeBinary)


class LedgerDay(SQLModel, table=True):
    """What the consumer confirmed of a day last; `jws` where it signed that with its own key."""

    __tablename__: ClassVar[Any] = "ledger_day"
    __table_args__ = ({"schema": SCHEMA},)

    subscription_id: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary)
    confirmed_by: str
    confirmed_at: datetime = timestamp()
    jws: str | None = None
