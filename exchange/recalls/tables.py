"""What a narrower filter hides of that which was handed on: to be taken back as deletes."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class Recall(SQLModel, table=True):
    """The list that a revision of a grant begins with; until it is made nothing leaves.

    `last` is the number of its last key. `look_at` is when a worker makes it, or looks again at
    what a worker that was killed may have handed on, `again` where that was done; None once nothing
    is left to look at. The holder goes on until `leased_until`; then anybody may.
    """

    __tablename__: ClassVar[Any] = "recall"
    __table_args__ = (
        Index("recall_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
        {"schema": SCHEMA},
    )

    subscription_id: str = Field(foreign_key="exchange.subscription.id", primary_key=True)
    revision: int = Field(primary_key=True)
    asked_at: datetime = timestamp()
    look_at: datetime | None = timestamp(nullable=True)
    leased_until: datetime | None = timestamp(nullable=True)
    made_at: datetime | None = timestamp(nullable=True)
    again: bool = False
    last: int = Field(default=0, sa_type=BigInteger)


class RecalledKey(SQLModel, table=True):
    """A key that was handed on as a row and is hidden since, by its number within the grant.

    Numbers only grow, also after a restore: a generation begins beyond all those before it.
    `version` is that of a record of the key that was handed on.
    """

    __tablename__: ClassVar[Any] = "recalled_key"
    __table_args__ = (
        Index("recalled_key_once", "subscription_id", "revision", "digest", unique=True),
        Index("recalled_key_lane", "subscription_id", "partition", "n"),
        {"schema": SCHEMA},
    )

    subscription_id: str = Field(foreign_key="exchange.subscription.id", primary_key=True)
    n: int = Field(sa_type=BigInteger, primary_key=True)
    revision: int
    partition: int
    digest: bytes = Field(sa_type=LargeBinary)
    key: bytes = Field(sa_type=LargeBinary)
    version: int
