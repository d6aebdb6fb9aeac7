"""What processes counted, by minutes: the history that the operator's page draws."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

SCHEMA = "kernel"


def upgrade() -> None:
    op.create_table(
        "history",
        sa.Column("place", sa.String(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("told", JSONB(), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("history_at", "history", ["at"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("history", schema=SCHEMA)
