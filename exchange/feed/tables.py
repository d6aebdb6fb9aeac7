"""The departments' own event stream: what was told through the outbox, numbered and kept."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from kernel.tables import numbered, timestamp

SCHEMA = "exchange"


class FeedEvent(SQLModel, table=True):
    """`id` is given out in the order of commits; `generation` is that of its gathering."""

    __tablename__: ClassVar[Any] = "feed_event"
    __table_args__ = (
        Index("feed_event_outbox", "outbox_id", unique=True),
        Index("feed_event_generation", "generation", "id"),
        Index("feed_event_at", "at"),
        {"schema": SCHEMA},
    )

    id: int | None = numbered()
    outbox_id: int = Field(sa_type=BigInteger)
    generation: int = Field(sa_type=BigInteger)
    type: str
    thing: str
    at: datetime = timestamp()
    payload: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class FeedReader(SQLModel, table=True):
    """Which department an event is for; `oversees` where it is for its authority alone.

    `guards` where those who guard the platform alone may read it.
    """

    __tablename__: ClassVar[Any] = "feed_reader"
    __table_args__ = (Index("feed_reader_event", "event_id"), {"schema": SCHEMA})

    department: str = Field(primary_key=True)
    event_id: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False),
    )
    type: str
    oversees: bool
    guards: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
