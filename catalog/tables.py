"""Tables of the catalogue: standards, code lists, elements, sources, resources and versions."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from kernel.tables import numbered, timestamp

SCHEMA = "catalog"
DEPARTMENT = "auth.department.uscc"
STATES = (
    "{} IN ('draft', 'submitted', 'approved', 'published', 'superseded', 'retired', 'discarded')"
)
# What waits in a pending list is read through by every question: words are indexed at once.
AT_ONCE = {"fastupdate": "off"}


def json(*, nullable: bool = False) -> Any:  # noqa: ANN401 - SQLModel's Field is untyped
    return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=nullable)


class Standard(SQLModel, table=True):
    """一标准: a published standard that elements obey."""

    __tablename__: ClassVar[Any] = "standard"
    __table_args__ = {"schema": SCHEMA}

    code: str = Field(primary_key=True)
    title: str
    edition: str | None = None
    effective_from: date | None = None
    created_at: datetime = timestamp()


class CodeList(SQLModel, table=True):
    """代码集: a value domain; what it lists on a day is in its editions."""

    __tablename__: ClassVar[Any] = "code_list"
    __table_args__ = (Index("code_list_standard", "standard"), {"schema": SCHEMA})

    code: str = Field(primary_key=True)
    name: str
    standard: str = Field(foreign_key="catalog.standard.code")
    # Of the authority that registered it; none: the region's, or the platform itself.
    region_code: str | None = None
    created_at: datetime = timestamp()


class CodeListEdition(SQLModel, table=True):
    """One edition replaces the one before it from its first day; one withdrawn never counts."""

    __tablename__: ClassVar[Any] = "code_list_edition"
    __table_args__ = (
        Index(
            "code_list_edition_first_day",
            "code_list",
            "effective_from",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        {"schema": SCHEMA},
    )

    code_list: str = Field(primary_key=True, foreign_key="catalog.code_list.code")
    edition: str = Field(primary_key=True)
    effective_from: date
    withdrawn_at: datetime | None = timestamp(nullable=True)
    withdraw_reason: str | None = None
    created_at: datetime = timestamp()


class CodeItem(SQLModel, table=True):
    """A value of an edition; both dates are inclusive."""

    __tablename__: ClassVar[Any] = "code_item"
    __table_args__ = (
        ForeignKeyConstraint(
            ["code_list", "edition"],
            ["catalog.code_list_edition.code_list", "catalog.code_list_edition.edition"],
            name="code_item_edition",
        ),
        {"schema": SCHEMA},
    )

    code_list: str = Field(primary_key=True)
    edition: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    name: str
    parent: str | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    successors: list[str] = json()


class Element(SQLModel, table=True):
    """数据元: contracts were built from it, so that nothing but its words changes."""

    __tablename__: ClassVar[Any] = "element"
    __table_args__ = (
        Index("element_code_list", "code_list"),
        Index("element_standard", "standard"),
        Index("element_name_grams", "name_grams", postgresql_using="gin", postgresql_with=AT_ONCE),
        {"schema": SCHEMA},
    )

    code: str = Field(primary_key=True)
    name: str
    definition: str
    data_type: str
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    minimum: Decimal | None = Field(default=None, sa_type=Numeric)
    maximum: Decimal | None = Field(default=None, sa_type=Numeric)
    precision: int | None = None
    scale: int | None = None
    code_list: str | None = Field(default=None, foreign_key="catalog.code_list.code")
    checker: str | None = None
    standard: str = Field(foreign_key="catalog.standard.code")
    sensitivity: int
    personal: bool
    examples: list[str] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    # Pairs of characters in the name (catalog/rules/words.py), by which similar ones are found.
    name_grams: list[str] = Field(default_factory=list, sa_type=ARRAY(Text), nullable=False)
    # Of the authority that registered it; none: the region's.
    region_code: str | None = None
    revision: int = 1
    retired_at: datetime | None = timestamp(nullable=True)
    retire_reason: str | None = None
    created_at: datetime = timestamp()


class Source(SQLModel, table=True):
    """数源: a claim on an element for a region, and what became of it."""

    __tablename__: ClassVar[Any] = "source"
    __table_args__ = (
        # P1: whoever races, a region has one active source of an element.
        Index(
            "source_one_active",
            "element",
            "region_code",
            unique=True,
            postgresql_where=text("status = 'active'"),
        ),
        Index(
            "source_one_claim",
            "element",
            "region_code",
            "department",
            unique=True,
            postgresql_where=text("status IN ('claimed', 'contested', 'active')"),
        ),
        Index("source_element", "element"),
        Index("source_department", "department"),
        Index(
            "source_region_status",
            "status",
            "region_code",
            postgresql_ops={"region_code": "text_pattern_ops"},
        ),
        CheckConstraint(
            "status IN ('claimed', 'contested', 'active', 'rejected', 'replaced', 'withdrawn',"
            " 'ended')",
            name="source_status",
        ),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    element: str = Field(foreign_key="catalog.element.code")
    region_code: str
    department: str = Field(foreign_key=DEPARTMENT, index=False)
    status: str
    legal_basis: str
    claimed_by: str
    claimed_at: datetime = timestamp()
    decided_by: str | None = None
    decided_at: datetime | None = timestamp(nullable=True)
    reason: str | None = None
    ended_at: datetime | None = timestamp(nullable=True)


class Resource(SQLModel, table=True):
    """A catalogue entry; `status` and `version` are those of its newest version."""

    __tablename__: ClassVar[Any] = "resource"
    __table_args__ = (
        Index("resource_department", "department"),
        Index("resource_department_status", "department", "status"),
        Index(
            "resource_region_status",
            "status",
            "region_code",
            postgresql_ops={"region_code": "text_pattern_ops"},
        ),
        Index("resource_region", "region_code", postgresql_ops={"region_code": "text_pattern_ops"}),
        Index("resource_code_once", "resource_code", unique=True),
        CheckConstraint(STATES.format("status"), name="resource_status"),
        {"schema": SCHEMA},
    )

    id: str = Field(primary_key=True)
    # None only of what a gateway of the release before has drafted, until it is submitted.
    resource_code: str | None = None
    department: str = Field(foreign_key=DEPARTMENT)
    region_code: str
    status: str
    version: int
    published_version: int | None = None
    # Versions up to here were given out before a restore; their numbers are not given again.
    version_floor: int = 0
    revision: int
    created_by: str
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()


class ResourceSequence(SQLModel, table=True):
    """How many codes of resources a class has given out."""

    __tablename__: ClassVar[Any] = "resource_sequence"
    __table_args__ = {"schema": SCHEMA}

    class_code: str = Field(primary_key=True)
    last: int


class ResourceVersion(SQLModel, table=True):
    """What the entry says in one version; `contract` is the snapshot made at publication."""

    __tablename__: ClassVar[Any] = "resource_version"
    __table_args__ = (
        Index(
            "resource_version_one_published",
            "resource_id",
            unique=True,
            postgresql_where=text("state = 'published'"),
        ),
        Index(
            "resource_version_class",
            "class_code",
            postgresql_ops={"class_code": "text_pattern_ops"},
        ),
        Index(
            "resource_version_published_class",
            "class_code",
            postgresql_where=text("state = 'published'"),
        ),
        # Which version was in force on a day, and which are derived: reports count all entries.
        Index(
            "resource_version_in_force",
            "published_at",
            postgresql_include=["resource_id", "ended_at"],
            postgresql_where=text("published_at IS NOT NULL"),
        ),
        # What facets choose and count: of what is rare nothing else is read.
        Index(
            "resource_version_shared",
            "share_type",
            "resource_id",
            postgresql_include=["number", "class_code", "state"],
        ),
        Index(
            "resource_version_state",
            "state",
            "resource_id",
            postgresql_include=["number", "class_code", "share_type"],
        ),
        Index(
            "resource_version_deriving",
            "resource_id",
            postgresql_where=text("derived_from <> '[]'::jsonb"),
        ),
        Index(
            "resource_version_items",
            "items",
            postgresql_using="gin",
            postgresql_ops={"items": "jsonb_path_ops"},
            postgresql_with=AT_ONCE,
        ),
        Index(
            "resource_version_derived",
            "derived_from",
            postgresql_using="gin",
            postgresql_with=AT_ONCE,
        ),
        Index(
            "resource_version_search",
            "search_grams",
            "search_scopes",
            postgresql_using="gin",
            postgresql_with=AT_ONCE,
        ),
        CheckConstraint(STATES.format("state"), name="resource_version_state"),
        CheckConstraint(
            "share_type IN ('unconditional', 'conditional', 'none')",
            name="resource_version_share_type",
        ),
        CheckConstraint(
            "open_type IN ('open', 'conditional', 'closed')", name="resource_version_open_type"
        ),
        {"schema": SCHEMA},
    )

    resource_id: str = Field(primary_key=True, foreign_key="catalog.resource.id")
    number: int = Field(primary_key=True)
    state: str
    name: str
    abstract: str
    class_code: str
    region_code: str
    format: int
    update_cycle: str
    share_type: str
    share_conditions: Any = json(nullable=True)
    share_scope: Any = json(nullable=True)
    share_purposes: Any = json(nullable=True)
    legal_basis: str | None = None
    share_modes: list[str] = json()
    open_type: str
    grade: int
    items: list[dict[str, Any]] = json()
    reviews: dict[str, Any] = json()
    derived_from: list[str] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    # Why the resource is none of these similar ones: {resource_id, reason} each.
    duplicates: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    partitions: int
    # Folded (catalog/rules/words.py), and the characters and pairs of characters in it.
    search_text: str
    search_grams: list[str] = Field(default_factory=list, sa_type=ARRAY(Text), nullable=False)
    # Department, divisions and classes it lies in (catalog/rules/scopes.py), as the resource has
    # them today.
    search_scopes: list[str] = Field(default_factory=list, sa_type=ARRAY(Text), nullable=False)
    # Of an approved version that is announced to those who use the one in force.
    announced_at: datetime | None = timestamp(nullable=True)
    effective_on: date | None = None
    announce_reason: str | None = None
    announce_basis: str | None = None
    leader_name: str | None = None
    signed_on: date | None = None
    return_reason: str | None = None
    retire_reason: str | None = None
    contract: dict[str, Any] | None = json(nullable=True)
    created_at: datetime = timestamp()
    submitted_at: datetime | None = timestamp(nullable=True)
    approved_at: datetime | None = timestamp(nullable=True)
    published_at: datetime | None = timestamp(nullable=True)
    ended_at: datetime | None = timestamp(nullable=True)


class ResourceTransition(SQLModel, table=True):
    """Who moved which version from which state to which."""

    __tablename__: ClassVar[Any] = "resource_transition"
    __table_args__ = (
        ForeignKeyConstraint(
            ["resource_id", "version"],
            ["catalog.resource_version.resource_id", "catalog.resource_version.number"],
            name="resource_transition_version",
        ),
        Index("resource_transition_resource", "resource_id", "version"),
        {"schema": SCHEMA},
    )

    id: int | None = numbered()
    resource_id: str
    version: int
    action: str
    from_state: str | None = None
    to_state: str
    actor_id: str
    department: str
    at: datetime = timestamp()
    note: dict[str, Any] = json()


class RecoveredVersion(SQLModel, table=True):
    """A version that a restored database had forgotten; without items nobody can read it."""

    __tablename__: ClassVar[Any] = "recovered_version"
    __table_args__ = (
        CheckConstraint("number > 0", name="recovered_version_number"),
        {"schema": SCHEMA},
    )

    resource_id: str = Field(primary_key=True, foreign_key="catalog.resource.id")
    number: int = Field(primary_key=True)
    items: list[dict[str, Any]] | None = json(nullable=True)
    reason: str
    at: datetime = timestamp()
