"""Numbered flushes of counts, positions that know their topic, reports of stops."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "count_flush",
        sa.Column("worker", sa.String(), primary_key=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        schema="exchange",
    )
    op.add_column("subscription", sa.Column("position_topic", sa.LargeBinary()), schema="exchange")
    op.create_table(
        "subscription_stop",
        sa.Column(
            "subscription_id",
            sa.String(),
            sa.ForeignKey("exchange.subscription.id"),
            primary_key=True,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lives", JSONB(), nullable=False),
        sa.Column("reports", JSONB(), nullable=False),
        schema="exchange",
    )


def downgrade() -> None:
    op.drop_table("subscription_stop", schema="exchange")
    op.drop_column("subscription", "position_topic", schema="exchange")
    op.drop_table("count_flush", schema="exchange")
