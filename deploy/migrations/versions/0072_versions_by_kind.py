"""Versions by way of sharing and by state, in the order of entries, with what facets count."""

from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

SCHEMA, TABLE = "catalog", "resource_version"
KINDS = {
    "resource_version_shared": ("share_type", "state"),
    "resource_version_state": ("state", "share_type"),
}


def upgrade() -> None:
    for name, (kind, other) in KINDS.items():
        op.create_index(
            name,
            TABLE,
            [kind, "resource_id"],
            schema=SCHEMA,
            postgresql_include=["number", "class_code", other],
        )


def downgrade() -> None:
    for name in KINDS:
        op.drop_index(name, TABLE, schema=SCHEMA)
