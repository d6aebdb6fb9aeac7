"""Documents that departments hand in, and what they are attached to."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class Attachment(SQLModel, table=True):
    """`id` is that of its file; one that nothing refers to is swept after a day."""

    __tablename__: ClassVar[Any] = "attachment"
    __table_args__ = (Index("attachment_uploaded_at", "uploaded_at"), {"schema": SCHEMA})

    id: str = Field(primary_key=True)
    department: str = Field(foreign_key="auth.department.uscc", index=True)
    name: str
    kind: str
    media: str
    bytes_: int = Field(sa_column_kwargs={"name": "bytes"}, sa_type=BigInteger)
    sha256: str
    uploaded_by: str
    uploaded_at: datetime = timestamp()


class Attached(SQLModel, table=True):
    """An attachment of a thing; who may read the thing may read it."""

    __tablename__: ClassVar[Any] = "attached"
    __table_args__ = (Index("attached_attachment", "attachment_id"), {"schema": SCHEMA})

    thing_kind: str = Field(primary_key=True)
    thing_id: str = Field(primary_key=True)
    attachment_id: str = Field(primary_key=True, foreign_key="exchange.attachment.id")
    nth: int
