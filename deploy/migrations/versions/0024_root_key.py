"""The root key, from which keys are derived: stored, so that the master key can be rotated."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "root_key",
        sa.Column("id", sa.SmallInteger(), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name="root_key_one"),
        schema="kernel",
    )


def downgrade() -> None:
    op.drop_table("root_key", schema="kernel")
