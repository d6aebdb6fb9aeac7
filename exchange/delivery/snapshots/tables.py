"""Snapshots of subscriptions, and who downloaded which file."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ARRAY, BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class Snapshot(SQLModel, table=True):
    """The approved view of a subscription at `position`, made by its job.

    `blob_id` and what stands below it are null until it is made. `identity` names what the view
    shows of `versions`: once that is another, or `revision`, nothing of it leaves any more.
    """

    __tablename__: ClassVar[Any] = "snapshot"
    __table_args__ = (
        Index("snapshot_of", "subscription_id", "id"),
        Index("snapshot_expires_at", "expires_at"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    subscription_id: str = Field(foreign_key="exchange.subscription.id")
    job_id: str
    format: str
    revision: int
    created_by_kind: str
    created_by: str
    created_at: datetime = timestamp()
    expires_at: datetime = timestamp()
    blob_id: str | None = None
    made_at: datetime | None = timestamp(nullable=True)
    position: list[int] | None = Field(default=None, sa_column=Column(ARRAY(BigInteger)))
    as_of: datetime | None = timestamp(nullable=True)
    version: int | None = None
    versions: list[int] | None = Field(default=None, sa_column=Column(ARRAY(BigInteger)))
    identity: bytes | None = Field(default=None, sa_type=LargeBinary)
    rows: int | None = Field(default=None, sa_type=BigInteger)
    bytes_: int | None = Field(default=None, sa_column=Column("bytes", BigInteger))
    sha256: str | None = None


class Download(SQLModel, table=True):
    """When somebody last began to download a file: what follows within an hour is the same."""

    __tablename__: ClassVar[Any] = "download"
    __table_args__ = (Index("download_begun_at", "begun_at"), {"schema": SCHEMA})

    file_id: str = Field(primary_key=True)
    actor_id: str = Field(primary_key=True)
    begun_at: datetime = timestamp()
