"""HTTP services of departments that are mounted behind their resources."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from kernel.encrypted import Encrypted
from kernel.tables import timestamp

SCHEMA = "exchange"


class Service(SQLModel, table=True):
    """`auth` is its kind and names; what is secret of it is `sealed`."""

    __tablename__: ClassVar[Any] = "service"
    __table_args__ = {"schema": SCHEMA}

    resource_id: str = Field(primary_key=True, foreign_key="catalog.resource.id")
    base_url: str
    operations: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    auth: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    sealed: bytes | None = Field(default=None, sa_type=Encrypted)
    timeouts: dict[str, float] = Field(sa_column=Column(JSONB, nullable=False))
    revision: int = 1
    changed_by: str
    changed_at: datetime = timestamp()
