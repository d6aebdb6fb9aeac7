"""Files that providers hand on as they are, and the parts in which one arrives."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class ProvidedFile(SQLModel, table=True):
    """`received` of `length` bytes are there; what is `ready` is known by `blob_id` and `sha256`.

    An upload that is still `open` is given up at `expires_at`. `claimed` is the digest that the
    provider said the file has.
    """

    __tablename__: ClassVar[Any] = "provided_file"
    __table_args__ = (
        CheckConstraint(
            "status IN ('open', 'checking', 'ready', 'refused')", name="provided_file_status"
        ),
        Index("provided_file_of", "resource_id", "id"),
        Index("provided_file_expires_at", "expires_at"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    resource_id: str = Field(foreign_key="catalog.resource.id")
    version: int
    name: str
    media: str
    length: int = Field(sa_type=BigInteger)
    received: int = Field(default=0, sa_type=BigInteger)
    claimed: str | None = None
    status: str
    created_by_kind: str
    created_by: str
    created_at: datetime = timestamp()
    expires_at: datetime | None = timestamp(nullable=True)
    job_id: str | None = None
    blob_id: str | None = None
    sha256: str | None = None
    ready_at: datetime | None = timestamp(nullable=True)


class FilePart(SQLModel, table=True):
    """Bytes of an upload from `start` on, until the whole is written in one piece."""

    __tablename__: ClassVar[Any] = "file_part"
    __table_args__ = {"schema": SCHEMA}

    file_id: str = Field(primary_key=True, foreign_key="exchange.provided_file.id")
    start: int = Field(
        sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    blob_id: str
