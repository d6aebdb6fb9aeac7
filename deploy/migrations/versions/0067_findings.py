"""Since when something is wrong with the platform, for the page of operators."""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

SCHEMA = "kernel"


def upgrade() -> None:
    op.create_table(
        "finding",
        sa.Column("place", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("finding", schema=SCHEMA)
