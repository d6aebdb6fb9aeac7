"""Standards, code lists, elements, sources, resources with their versions."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "catalog"
DEPARTMENT = "auth.department.uscc"

# Search works without pg_trgm too, only slower; not every server lets an owner create it.
TRIGRAMS = """
DO $$ BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
  RAISE NOTICE 'pg_trgm is not available: %', SQLERRM;
END $$
"""
SEARCH_INDEX = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_opclass WHERE opcname = 'gin_trgm_ops') THEN
    CREATE INDEX resource_version_search ON catalog.resource_version
      USING gin (search_text gin_trgm_ops);
  END IF;
END $$
"""


def upgrade() -> None:
    op.execute("CREATE SCHEMA catalog")
    op.execute(TRIGRAMS)
    _standards()
    _elements()
    _sources()
    _resources()
    _versions()


def _standards() -> None:
    op.create_table(
        "standard",
        sa.Column("code", sa.String(), primary_key=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("edition", sa.String()),
        sa.Column("effective_from", sa.Date()),
        _time("created_at"),
        schema=SCHEMA,
    )
    op.create_table(
        "code_list",
        sa.Column("code", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("standard", sa.String(), _to("standard.code"), nullable=False),
        _time("created_at"),
        schema=SCHEMA,
    )
    op.create_table(
        "code_list_edition",
        sa.Column("code_list", sa.String(), _to("code_list.code"), primary_key=True),
        sa.Column("edition", sa.String(), primary_key=True),
        sa.Column("effective_from", sa.Date(), nullable=False),
        _time("created_at"),
        sa.UniqueConstraint("code_list", "effective_from", name="code_list_edition_first_day"),
        schema=SCHEMA,
    )
    op.create_table(
        "code_item",
        sa.Column("code_list", sa.String(), primary_key=True),
        sa.Column("edition", sa.String(), primary_key=True),
        sa.Column("value", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("parent", sa.String()),
        sa.Column("effective_from", sa.Date()),
        sa.Column("effective_to", sa.Date()),
        sa.Column("successors", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["code_list", "edition"],
            ["catalog.code_list_edition.code_list", "catalog.code_list_edition.edition"],
            name="code_item_edition",
        ),
        schema=SCHEMA,
    )


def _elements() -> None:
    op.create_table(
        "element",
        sa.Column("code", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("definition", sa.String(), nullable=False),
        sa.Column("data_type", sa.String(), nullable=False),
        sa.Column("min_length", sa.Integer()),
        sa.Column("max_length", sa.Integer()),
        sa.Column("pattern", sa.String()),
        sa.Column("minimum", sa.Numeric()),
        sa.Column("maximum", sa.Numeric()),
        sa.Column("precision", sa.Integer()),
        sa.Column("scale", sa.Integer()),
        sa.Column("code_list", sa.String(), _to("code_list.code")),
        sa.Column("checker", sa.String()),
        sa.Column("standard", sa.String(), _to("standard.code"), nullable=False),
        sa.Column("sensitivity", sa.Integer(), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        _time("created_at"),
        schema=SCHEMA,
    )


def _sources() -> None:
    op.create_table(
        "source",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("element", sa.String(), _to("element.code"), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("department", sa.String(), sa.ForeignKey(DEPARTMENT), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("legal_basis", sa.String(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=False),
        _time("claimed_at"),
        sa.Column("decided_by", sa.String()),
        _time("decided_at", nullable=True),
        sa.Column("reason", sa.String()),
        _time("ended_at", nullable=True),
        schema=SCHEMA,
    )
    op.create_index(
        "source_one_active",
        "source",
        ["element", "region_code"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
        schema=SCHEMA,
    )
    op.create_index(
        "source_one_claim",
        "source",
        ["element", "region_code", "department"],
        unique=True,
        postgresql_where=sa.text("status IN ('claimed', 'contested', 'active')"),
        schema=SCHEMA,
    )


def _resources() -> None:
    op.create_table(
        "resource",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("department", sa.String(), sa.ForeignKey(DEPARTMENT), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("published_version", sa.Integer()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        _time("created_at"),
        _time("updated_at"),
        schema=SCHEMA,
    )
    op.create_index("resource_department", "resource", ["department"], schema=SCHEMA)
    op.create_index("resource_region", "resource", ["region_code"], schema=SCHEMA)


def _versions() -> None:
    op.create_table(
        "resource_version",
        sa.Column("resource_id", sa.String(), _to("resource.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(), nullable=False),
        *_entry(),
        sa.Column("search_text", sa.String(), nullable=False),
        sa.Column("leader_name", sa.String()),
        sa.Column("signed_on", sa.Date()),
        sa.Column("return_reason", sa.String()),
        sa.Column("retire_reason", sa.String()),
        sa.Column("contract", postgresql.JSONB()),
        _time("created_at"),
        *(_time(f"{what}_at", nullable=True) for what in ("submitted", "approved", "published")),
        _time("ended_at", nullable=True),
        schema=SCHEMA,
    )
    op.create_index(
        "resource_version_one_published",
        "resource_version",
        ["resource_id"],
        unique=True,
        postgresql_where=sa.text("state = 'published'"),
        schema=SCHEMA,
    )
    op.create_index("resource_version_class", "resource_version", ["class_code"], schema=SCHEMA)
    op.create_index(
        "resource_version_items",
        "resource_version",
        ["items"],
        postgresql_using="gin",
        postgresql_ops={"items": "jsonb_path_ops"},
        schema=SCHEMA,
    )
    op.execute(SEARCH_INDEX)
    _transitions()


def _entry() -> list[sa.Column[Any]]:
    texts = ("name", "abstract", "class_code", "region_code", "update_cycle", "share_type")
    wordings = ("share_conditions", "share_scope", "share_purposes")
    return [
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        sa.Column("format", sa.Integer(), nullable=False),
        *(sa.Column(name, postgresql.JSONB()) for name in wordings),
        sa.Column("legal_basis", sa.String()),
        sa.Column("share_modes", postgresql.JSONB(), nullable=False),
        sa.Column("open_type", sa.String(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("reviews", postgresql.JSONB(), nullable=False),
        sa.Column("partitions", sa.Integer(), nullable=False),
    ]


def _transitions() -> None:
    op.create_table(
        "resource_transition",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("from_state", sa.String()),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        _time("at"),
        sa.Column("note", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id", "version"],
            ["catalog.resource_version.resource_id", "catalog.resource_version.number"],
            name="resource_transition_version",
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "resource_transition_resource", "resource_transition", ["resource_id"], schema=SCHEMA
    )


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _to(column: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{SCHEMA}.{column}")


def downgrade() -> None:
    op.execute("DROP SCHEMA catalog CASCADE")
