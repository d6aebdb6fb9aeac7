"""How far the database has come, to be compared with what the log knows of it; version floors."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "landmark",
        sa.Column("id", sa.SmallInteger(), primary_key=True),
        sa.Column("platform", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="landmark_one"),
        schema="kernel",
    )
    op.execute("INSERT INTO kernel.landmark VALUES (1, gen_random_uuid(), 0)")
    op.add_column(
        "resource",
        sa.Column("version_floor", sa.Integer(), nullable=False, server_default="0"),
        schema="catalog",
    )


def downgrade() -> None:
    op.drop_column("resource", "version_floor", schema="catalog")
    op.drop_table("landmark", schema="kernel")
