"""Intents of keyed publishes, issued receipts, records in quarantine."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from kernel.encrypted import Encrypted
from kernel.tables import numbered, timestamp

SCHEMA = "exchange"


class PublishIntent(SQLModel, table=True):
    """A keyed publish, noted before its append; `receipt` is empty until it is known.

    `ends` are the ends of the partitions before the append: a retry looks for the batch from there.
    """

    __tablename__: ClassVar[Any] = "publish_intent"
    __table_args__ = (Index("publish_intent_created_at", "created_at"), {"schema": SCHEMA})

    intent: bytes = Field(sa_type=LargeBinary, primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary)
    life: int
    ends: str
    receipt: str | None = None
    created_at: datetime = timestamp()


class IssuedReceipt(SQLModel, table=True):
    """A batch that the log took, for lists: its receipt is made of it again when it is read."""

    __tablename__: ClassVar[Any] = "issued_receipt"
    __table_args__ = (
        Index("issued_receipt_resource", "resource_id", "at", "id"),
        Index("issued_receipt_department", "department", "at", "id"),
        Index("issued_receipt_at", "at", postgresql_using="brin"),
        Index("issued_receipt_digest", "digest", postgresql_using="hash"),
        {"schema": SCHEMA},
    )

    id: int | None = numbered()
    resource_id: str
    client_id: str
    department: str
    at: datetime = timestamp()
    digest: bytes = Field(sa_type=LargeBinary)
    accepted: str


class Fence(SQLModel, table=True):
    """A dead worker life that was fenced off a topic: it can store nothing more there."""

    __tablename__: ClassVar[Any] = "fence"
    __table_args__ = {"schema": SCHEMA}

    life: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    topic: str = Field(primary_key=True)
    fenced_at: datetime = timestamp()


class LogRecovery(SQLModel, table=True):
    """How far a topic was read back into the ledger in a generation; both are lists of offsets."""

    __tablename__: ClassVar[Any] = "log_recovery"
    __table_args__ = {"schema": SCHEMA}

    topic: str = Field(primary_key=True)
    generation: int = Field(sa_type=BigInteger)
    positions: str
    ends: str
    done: bool


class QuarantineBatch(SQLModel, table=True):
    """The refused records of one publish; `errors` is what its answer listed, encrypted.

    Without `receipt_id` the append of its valid records is not known to have happened: nobody
    sees it, and after `pending_until` it is forgotten.
    """

    __tablename__: ClassVar[Any] = "quarantine_batch"
    __table_args__ = (
        Index("quarantine_batch_received_at", "received_at"),
        Index(
            "quarantine_batch_pending",
            "pending_until",
            postgresql_where=text("pending_until IS NOT NULL"),
        ),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    resource_id: str
    client_id: str
    department: str
    op: str
    rejected: int
    error_count: int
    errors: bytes = Field(sa_type=Encrypted)
    receipt_id: str | None = None
    received_at: datetime = timestamp()
    pending_until: datetime | None = timestamp(nullable=True)


class QuarantineEntry(SQLModel, table=True):
    """One refused record and its errors, encrypted; `size` is that of the record as received."""

    __tablename__: ClassVar[Any] = "quarantine_entry"
    __table_args__ = (
        Index("quarantine_entry_resource", "resource_id", "id"),
        Index("quarantine_entry_batch", "batch_id", "id"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    batch_id: str
    resource_id: str
    index: int
    sealed: bytes = Field(sa_type=Encrypted)
    size: int


class QuarantineUse(SQLModel, table=True):
    """What the quarantine of one resource holds, pending records included: it has a limit (P9)."""

    __tablename__: ClassVar[Any] = "quarantine_use"
    __table_args__ = {"schema": SCHEMA}

    resource_id: str = Field(primary_key=True)
    entries: int = Field(sa_type=BigInteger)
    bytes_: int = Field(sa_column_kwargs={"name": "bytes"}, sa_type=BigInteger)


class UploadColumn(SQLModel, table=True):
    """What people of a department said that a heading of their files stands for, by resource.

    `item` is the name of an item, empty for a column that is left out.
    """

    __tablename__: ClassVar[Any] = "upload_column"
    __table_args__ = {"schema": SCHEMA}

    department: str = Field(primary_key=True)
    resource_id: str = Field(primary_key=True)
    heading: str = Field(primary_key=True)
    item: str | None = None
    said_at: datetime = timestamp()
