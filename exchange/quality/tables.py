"""Rules of quality that a department declares for a resource, and what was measured by day."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import ARRAY, BigInteger, Column, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from kernel.tables import timestamp

SCHEMA = "exchange"


class QualityRules(SQLModel, table=True):
    """The rules of one resource, and how far its latest state was measured by them.

    `measured_on` is the last day that is done. While `measuring_on` is set, records behind
    `partition` and `digest` are still to be looked at; before `wait_until` nobody looks.
    """

    __tablename__: ClassVar[Any] = "quality_rules"
    __table_args__ = (Index("quality_rules_due", "measured_on"), {"schema": SCHEMA})

    resource_id: str = Field(primary_key=True)
    revision: int
    rules: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    changed_by: str
    changed_at: datetime = timestamp()
    measured_on: date | None = None
    measuring_on: date | None = None
    partition: int = 0
    digest: bytes = Field(default=b"", sa_type=LargeBinary)
    wait_until: datetime | None = timestamp(nullable=True)


class QualityCheck(SQLModel, table=True):
    """What one rule found on one day; `sample_keys` are of records that failed it."""

    __tablename__: ClassVar[Any] = "quality_check"
    __table_args__ = (
        Index("quality_check_day", "day"),
        Index("quality_check_at", "measured_at", "resource_id"),
        Index(
            "quality_check_late",
            "measured_at",
            "resource_id",
            postgresql_where=text("failed > 0"),
        ),
        {"schema": SCHEMA},
    )

    resource_id: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    dimension: str
    checked: int = Field(sa_type=BigInteger)
    failed: int = Field(sa_type=BigInteger)
    sample_keys: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(String), nullable=False, server_default="{}")
    )
    measured_at: datetime = timestamp()


class QualitySum(SQLModel, table=True):
    """What the checks of a department's entries of one division come to on one day.

    Triggers keep it with each check (migration 0071), `stewardship.quality_sums` with a merger.
    `entry_days` and `timely_days` are of the cycle of updates, `checks` and `passed` of quality.
    """

    __tablename__: ClassVar[Any] = "quality_sum"
    __table_args__ = {"schema": SCHEMA}

    day: date = Field(primary_key=True)
    department: str = Field(primary_key=True)
    region_code: str = Field(primary_key=True)
    entry_days: int = Field(sa_type=BigInteger)
    timely_days: int = Field(sa_type=BigInteger)
    checks: int = Field(sa_type=BigInteger)
    passed: int = Field(sa_type=BigInteger)


class QualityDay(SQLModel, table=True):
    """How far the timeliness of resources was looked at on a day, in the order of their ids."""

    __tablename__: ClassVar[Any] = "quality_day"
    __table_args__ = {"schema": SCHEMA}

    day: date = Field(primary_key=True)
    after: str = ""
    done: bool = False
