"""Bounds of the rounds of subscriptions to several partitions."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class Frontier(SQLModel, table=True):
    """How far a page from a position of several partitions reached the first time (P6)."""

    __tablename__: ClassVar[Any] = "frontier"
    __table_args__ = (Index("frontier_created_at", "created_at"), {"schema": SCHEMA})

    subscription_id: str = Field(primary_key=True)
    position: str = Field(primary_key=True)
    bounds: str
    created_at: datetime = timestamp()
