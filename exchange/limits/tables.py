"""The bucket of each key of a rate limit, as all workers together know it."""

from typing import Any, ClassVar

from sqlalchemy import Double
from sqlmodel import Field, SQLModel

SCHEMA = "exchange"


class RateBucket(SQLModel, table=True):
    """`due` is the moment, in seconds of the database's clock, when the bucket is full again.

    `told` and `depth` are those of the last exchange, in seconds: what it took, and what an empty
    bucket takes to fill. An unlogged table: a crash of the database fills every bucket.
    """

    __tablename__: ClassVar[Any] = "rate_bucket"
    __table_args__ = {"schema": SCHEMA, "prefixes": ["UNLOGGED"]}

    key: str = Field(primary_key=True)
    due: float = Field(sa_type=Double)
    told: float = Field(sa_type=Double)
    depth: float = Field(sa_type=Double)
