"""Publish intents, counts of publishes and reads, frontiers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "exchange"


def upgrade() -> None:
    op.create_table(
        "publish_intent",
        sa.Column("intent", sa.LargeBinary(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("ends", sa.String(), nullable=False),
        sa.Column("receipt", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("publish_intent_created_at", "publish_intent", ["created_at"], schema=SCHEMA)
    _count("publish_count", "resource_id", "batches")
    _count("read_count", "subscription_id", "pages")
    op.create_table(
        "daily_use",
        sa.Column("subscription_id", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("records", sa.BigInteger(), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "frontier",
        sa.Column("subscription_id", sa.String(), primary_key=True),
        sa.Column("position", sa.String(), primary_key=True),
        sa.Column("bounds", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("frontier_created_at", "frontier", ["created_at"], schema=SCHEMA)


def _count(table: str, subject: str, times: str) -> None:
    op.create_table(
        table,
        sa.Column(subject, sa.String(), primary_key=True),
        sa.Column("client_id", sa.String(), primary_key=True),
        sa.Column("minute", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column(times, sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        f"{table}_unsealed",
        table,
        ["minute"],
        schema=SCHEMA,
        postgresql_where=sa.text("NOT sealed"),
    )


def downgrade() -> None:
    for table in ("frontier", "daily_use", "read_count", "publish_count", "publish_intent"):
        op.drop_table(table, schema=SCHEMA)
