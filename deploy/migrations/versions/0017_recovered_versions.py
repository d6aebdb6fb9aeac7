"""Versions that a restored database had forgotten and the log remembers (ADR 0026)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLE = "recovered_version"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("items", JSONB()),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", "number", name=f"{TABLE}_pkey"),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["catalog.resource.id"], name=f"{TABLE}_resource_id_fkey"
        ),
        sa.CheckConstraint("number > 0", name=f"{TABLE}_number"),
        schema="catalog",
    )


def downgrade() -> None:
    op.drop_table(TABLE, schema="catalog")
