"""The bucket of each key of a rate limit, as all workers together know it."""

from typing import Any, ClassVar

from sqlalchemy import Double
from sqlmodel import Field, SQLModel

SCHEMA = "exchange"


class RateBucket(SQLModel, table=True):
    """Since when the bucket has not been full, and when it is due to be; of the database's clock.

    `depth` is how many seconds an empty bucket takes to fill. An unlogged table: a crash of the
    database fills every bucket.
    """

    __tablename__: ClassVar[Any] = "rate_bucket"
    __table_args__ = {"schema": SCHEMA, "prefixes": ["UNLOGGED"]}

    key: str = Field(primary_key=True)
    since: float = Field(sa_type=Double)
    due: float = Field(sa_type=Double)
    depth: float = Field(sa_type=Double)
