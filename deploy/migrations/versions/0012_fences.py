"""Fences of dead worker lives, each raised once, and what is read back from the log."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fence",
        sa.Column("life", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("topic", sa.String(), primary_key=True),
        sa.Column("fenced_at", sa.DateTime(timezone=True), nullable=False),
        schema="exchange",
    )
    op.create_table(
        "log_recovery",
        sa.Column("topic", sa.String(), primary_key=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("positions", sa.String(), nullable=False),
        sa.Column("ends", sa.String(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        schema="exchange",
    )


def downgrade() -> None:
    op.drop_table("log_recovery", schema="exchange")
    op.drop_table("fence", schema="exchange")
