"""Bounds of the rounds of subscriptions to several partitions, and which lines carry a mark."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class CorrectionMark(SQLModel, table=True):
    """A subscription sees the record at this place as what corrects one that it received (P13).

    `own` where it is the subscription that asked for the correction.
    """

    __tablename__: ClassVar[Any] = "correction_mark"
    __table_args__ = (Index("correction_mark_of", "correction_id"), {"schema": SCHEMA})

    subscription_id: str = Field(foreign_key="exchange.subscription.id", primary_key=True)
    partition: int = Field(primary_key=True)
    place: int = Field(sa_type=BigInteger, primary_key=True)
    correction_id: str = Field(primary_key=True)
    own: bool


class Frontier(SQLModel, table=True):
    """How far a page from a position of several partitions reached the first time (P6)."""

    __tablename__: ClassVar[Any] = "frontier"
    __table_args__ = (Index("frontier_created_at", "created_at"), {"schema": SCHEMA})

    subscription_id: str = Field(primary_key=True)
    position: str = Field(primary_key=True)
    bounds: str
    created_at: datetime = timestamp()
