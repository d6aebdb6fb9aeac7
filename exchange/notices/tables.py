"""How departments want to be told of their events, and how far each way has come."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Column
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import Field, SQLModel

from kernel.encrypted import Encrypted
from kernel.tables import timestamp

SCHEMA = "exchange"


class NoticeSetting(SQLModel, table=True):
    """`secret` signs what goes to `webhook`."""

    __tablename__: ClassVar[Any] = "notice_setting"
    __table_args__ = (
        CheckConstraint("digest IN ('immediate', 'daily')", name="notice_setting_digest"),
        {"schema": SCHEMA},
    )

    department: str = Field(primary_key=True, foreign_key="auth.department.uscc")
    email: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    webhook: str | None = None
    digest: str = "immediate"
    secret: bytes | None = Field(default=None, sa_type=Encrypted)
    changed_at: datetime = timestamp()
    revision: int = 1


class NoticeChannel(SQLModel, table=True):
    """One way of one department: told up to `after`, the notice under way tells up to `upto`.

    `holder` tries it until `leased_until`; what failed is tried again from `next_at` on.
    """

    __tablename__: ClassVar[Any] = "notice_channel"
    __table_args__ = (
        CheckConstraint("kind IN ('email', 'webhook')", name="notice_channel_kind"),
        {"schema": SCHEMA},
    )

    department: str = Field(primary_key=True, foreign_key="auth.department.uscc")
    kind: str = Field(primary_key=True)
    after: int = Field(sa_type=BigInteger)
    upto: int | None = Field(default=None, sa_type=BigInteger)
    attempts: int = 0
    next_at: datetime | None = timestamp(nullable=True)
    failure: str | None = None
    told_at: datetime | None = timestamp(nullable=True)
    holder: str | None = None
    leased_until: datetime | None = timestamp(nullable=True)
