"""Versions in force on a day by an index alone, and those derived from others by a small one."""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None

SCHEMA, TABLE = "catalog", "resource_version"
IN_FORCE, DERIVING = "resource_version_in_force", "resource_version_deriving"


def upgrade() -> None:
    op.create_index(
        IN_FORCE,
        TABLE,
        ["published_at"],
        schema=SCHEMA,
        postgresql_include=["resource_id", "ended_at"],
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
    derived = sa.text("derived_from <> '[]'::jsonb")
    op.create_index(DERIVING, TABLE, ["resource_id"], schema=SCHEMA, postgresql_where=derived)


def downgrade() -> None:
    op.drop_index(DERIVING, TABLE, schema=SCHEMA)
    op.drop_index(IN_FORCE, TABLE, schema=SCHEMA)
