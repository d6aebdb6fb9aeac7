"""Tables that know no domain noun: audit chains, outbox, answers kept for retries, secrets."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from kernel.encrypted import Encrypted

SCHEMA = "kernel"
# PostgreSQL's own rule, so that models, migrations and database call a foreign key the same.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
}
THIS_MONTH = text("to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')::integer")


def timestamp(*, nullable: bool = False) -> Any:  # noqa: ANN401 - SQLModel's Field is untyped
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=nullable)


def numbered() -> Any:  # noqa: ANN401 - SQLModel's Field is untyped
    """Return a key that PostgreSQL counts on."""
    return Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )


class AuditChain(SQLModel, table=True):
    """The head of one hash chain; the row is locked while an event is appended."""

    __tablename__: ClassVar[Any] = "audit_chain"
    __table_args__ = {"schema": SCHEMA}

    chain: int = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)
    hash: str
    # The month of the last event, as 202612; months of a chain never go back.
    period: int = 0
    # How far the chain is archived: its events go on behind this one.
    archived_seq: int = Field(default=0, sa_type=BigInteger)
    archived_hash: str = "0" * 64


class AuditRow(SQLModel, table=True):
    """One event; append-only by trigger, chained by hash, in partitions by month (ADR 0028)."""

    __tablename__: ClassVar[Any] = "audit_event"
    __table_args__ = (
        Index("audit_event_at", "at"),
        Index("audit_event_subject", "subject_type", "subject_id"),
        Index("audit_event_actor", "actor_id"),
        {"schema": SCHEMA},
    )

    chain: int = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    period: int = Field(
        sa_column=Column(Integer, primary_key=True, autoincrement=False, server_default=THIS_MONTH)
    )
    at: datetime = timestamp()
    event: str = Field(index=False)
    actor_kind: str
    actor_id: str
    department: str | None = None
    subject_type: str
    subject_id: str
    details: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    correlation_id: str | None = None
    previous_hash: str
    hash: str


class OutboxRow(SQLModel, table=True):
    """A message that must reach the broker because its transaction committed."""

    __tablename__: ClassVar[Any] = "outbox"
    __table_args__ = {"schema": SCHEMA}

    id: int | None = numbered()
    type: str
    key: str
    payload: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = timestamp()


class RefusalRow(SQLModel, table=True):
    """A refused request of a known caller; `count` stands for those of its minute after it."""

    __tablename__: ClassVar[Any] = "refusal"
    __table_args__ = (
        Index("refusal_at", "at"),
        Index("refusal_correlation", "correlation_id"),
        Index("refusal_actor", "actor_id", "code", "minute"),
        Index("refusal_department", "department", "id"),
        {"schema": SCHEMA},
    )

    id: int | None = numbered()
    at: datetime = timestamp()
    minute: datetime = timestamp()
    correlation_id: str
    actor_kind: str
    actor_id: str
    department: str | None = None
    region_code: str
    method: str
    path: str
    code: str
    status: int
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    source: str | None = None
    count: int = Field(sa_type=BigInteger)


class KeptAnswer(SQLModel, table=True):
    """The first answer to an Idempotency-Key, encrypted: it may hold a secret shown once."""

    __tablename__: ClassVar[Any] = "kept_answer"
    __table_args__ = (Index("kept_answer_created_at", "created_at"), {"schema": SCHEMA})

    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_digest: bytes = Field(sa_type=LargeBinary)
    status: int | None = None
    body: bytes | None = Field(default=None, sa_type=Encrypted)
    created_at: datetime = timestamp()


class GenerationRow(SQLModel, table=True):
    """A generation of the platform's data; the highest number is in force."""

    __tablename__: ClassVar[Any] = "generation"
    __table_args__ = {"schema": SCHEMA}

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    restored_to: datetime | None = timestamp(nullable=True)
    declared_at: datetime = timestamp()
    reason: str


class LandmarkRow(SQLModel, table=True):
    """The one row that tells which platform this is, and how far its database has come."""

    __tablename__: ClassVar[Any] = "landmark"
    __table_args__ = (
        CheckConstraint("id = 1", name="landmark_one"),
        {"schema": SCHEMA},
    )

    id: int = Field(primary_key=True, sa_type=SmallInteger)
    platform: UUID
    number: int = Field(sa_type=BigInteger)


class RootKeyRow(SQLModel, table=True):
    """The one root key, from which keys are derived, encrypted under the master key (ADR 0030)."""

    __tablename__: ClassVar[Any] = "root_key"
    __table_args__ = (
        CheckConstraint("id = 1", name="root_key_one"),
        {"schema": SCHEMA},
    )

    id: int = Field(primary_key=True, sa_type=SmallInteger)
    sealed: bytes = Field(sa_type=Encrypted)
    created_at: datetime = timestamp()


class BlobRow(SQLModel, table=True):
    """A file of the platform: its own key, encrypted, and what its clear content is."""

    __tablename__: ClassVar[Any] = "blob"
    __table_args__ = (Index("blob_expires_at", "expires_at"), {"schema": SCHEMA})

    id: str = Field(primary_key=True)
    key: bytes = Field(sa_type=Encrypted)
    bytes: int = Field(sa_type=BigInteger)
    sha256: str
    media: str
    name: str
    created_at: datetime = timestamp()
    expires_at: datetime | None = timestamp(nullable=True)


class JobRow(SQLModel, table=True):
    """Something long that a worker does; who holds the lease may write, times are the database's.

    `state` is where its handler goes on from, `attempts` counts workers that have died of it.
    """

    __tablename__: ClassVar[Any] = "job"
    __table_args__ = (
        Index(
            "job_open",
            "not_before",
            postgresql_where=text("status IN ('queued', 'running')"),
        ),
        Index("job_department", "department", postgresql_where=text("ended_at IS NULL")),
        Index("job_ended_at", "ended_at"),
        Index("job_author", "author_kind", "author_id", "created_at"),
        CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="job_status"
        ),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    kind: str
    status: str
    author_kind: str
    author_id: str
    department: str
    arguments: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    input_blob: str | None = None
    result_blob: str | None = None
    done: int = Field(default=0, sa_type=BigInteger)
    total: int | None = Field(default=None, sa_type=BigInteger)
    errors_count: int = Field(default=0, sa_type=BigInteger)
    state: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    problem: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    cancelling: bool = False
    lease: str | None = None
    leased_until: datetime | None = timestamp(nullable=True)
    attempts: int = 0
    not_before: datetime = timestamp()
    created_at: datetime = timestamp()
    started_at: datetime | None = timestamp(nullable=True)
    ended_at: datetime | None = timestamp(nullable=True)


class JobLineRow(SQLModel, table=True):
    """What a job has to say of one line of its input, until it ends."""

    __tablename__: ClassVar[Any] = "job_line"
    __table_args__ = {"schema": SCHEMA}

    job_id: str = Field(
        sa_column=Column(ForeignKey("kernel.job.id", ondelete="CASCADE"), primary_key=True)
    )
    number: int = Field(primary_key=True, sa_type=BigInteger)
    note: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class HistoryRow(SQLModel, table=True):
    """What the processes of one place had counted by a minute, for a week (kernel/history.py)."""

    __tablename__: ClassVar[Any] = "history"
    __table_args__ = (Index("history_at", "at"), {"schema": SCHEMA})

    place: str = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    kind: str
    told: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class FindingRow(SQLModel, table=True):
    """Since when something is wrong with the platform at a place (kernel/findings.py)."""

    __tablename__: ClassVar[Any] = "finding"
    __table_args__ = {"schema": SCHEMA}

    place: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    since: datetime = timestamp()


class ProcessRow(SQLModel, table=True):
    """A process of the platform, and what it last told of itself; times are the database's."""

    __tablename__: ClassVar[Any] = "process"
    __table_args__ = {"schema": SCHEMA}

    id: str = Field(primary_key=True)
    kind: str
    node: str
    pid: int
    version: str
    started_at: datetime = timestamp()
    seen_at: datetime = timestamp()
    told: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
