"""The latest state of resources, folded from their logs, and how far each fold has come."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ARRAY, BigInteger, Column, Index, LargeBinary, String, text
from sqlmodel import Field, SQLModel

from kernel.tables import numbered, timestamp

SCHEMA = "exchange"
BY_FOLD = "HASH (fold_id)"


class FoldedResource(SQLModel, table=True):
    """A resource whose latest state is wanted, and when somebody wanted it last."""

    __tablename__: ClassVar[Any] = "folded_resource"
    __table_args__ = {"schema": SCHEMA}

    resource_id: str = Field(primary_key=True)
    asked_at: datetime = timestamp()


class Fold(SQLModel, table=True):
    """One partition of one topic, folded from `unbroken_from` to `folded_to` without a gap.

    A topic made anew, or a log that lost records, has a new fold: only one is `current`. What
    `predecessor` holds is complete from `trimmed_to` on. `caught_up_at` is when the end of the log
    was reached first, `as_of` the last moment at which it held nothing that is not folded. The
    holder folds until `leased_until`; then anybody may.
    """

    __tablename__: ClassVar[Any] = "fold"
    __table_args__ = (
        Index(
            "fold_current",
            "resource_id",
            "partition",
            unique=True,
            postgresql_where=text("current"),
        ),
        {"schema": SCHEMA},
    )

    id: int | None = numbered()
    resource_id: str
    partition: int
    topic_id: bytes = Field(sa_type=LargeBinary)
    generation: int = Field(sa_type=BigInteger)
    current: bool
    folded_to: int = Field(sa_type=BigInteger)
    unbroken_from: int = Field(sa_type=BigInteger)
    trimmed_to: int = Field(sa_type=BigInteger)
    began_at: datetime = timestamp()
    caught_up_at: datetime | None = timestamp(nullable=True)
    as_of: datetime | None = timestamp(nullable=True)
    # The elements by whose items all of its rows can be searched.
    indexed: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(String), nullable=False, server_default="{}")
    )
    holder: str | None = None
    leased_until: datetime | None = timestamp(nullable=True)


class Latest(SQLModel, table=True):
    """The last record of a key, by a digest of the key; without a value it was a delete.

    `batch` is the mark of its batch: 8 bytes of first offset, 32 of the body's digest.
    """

    __tablename__: ClassVar[Any] = "latest"
    __table_args__ = {"schema": SCHEMA, "postgresql_partition_by": BY_FOLD}

    fold_id: int = Field(sa_type=BigInteger, primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    key: bytes = Field(sa_type=LargeBinary)
    place: int = Field(sa_type=BigInteger)
    # What a header may say, whoever wrote it.
    version: int = Field(sa_type=BigInteger)
    value: bytes | None = Field(default=None, sa_type=LargeBinary)
    batch: bytes | None = Field(default=None, sa_type=LargeBinary)


class SearchTerm(SQLModel, table=True):
    """Where a row of the latest state stands among the values of an item (terms.py)."""

    __tablename__: ClassVar[Any] = "search_term"
    __table_args__ = (
        Index("search_term_row", "fold_id", "digest"),
        {"schema": SCHEMA, "postgresql_partition_by": BY_FOLD},
    )

    fold_id: int = Field(sa_type=BigInteger, primary_key=True)
    item: str = Field(primary_key=True)
    term: bytes = Field(sa_type=LargeBinary, primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary, primary_key=True)


class Predecessor(SQLModel, table=True):
    """What stood `before` the record at `place`, under its key; kept as long as that is in the log.

    Deletes are nobody's predecessor: they are told by the absence of a row.
    """

    __tablename__: ClassVar[Any] = "predecessor"
    __table_args__ = {"schema": SCHEMA, "postgresql_partition_by": BY_FOLD}

    fold_id: int = Field(sa_type=BigInteger, primary_key=True)
    place: int = Field(sa_type=BigInteger, primary_key=True)
    before: int = Field(sa_type=BigInteger)
    # What a header may say, whoever wrote it.
    version: int = Field(sa_type=BigInteger)
    value: bytes = Field(sa_type=LargeBinary)
