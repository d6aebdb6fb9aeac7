"""The departments' own event stream: what the outbox told, numbered and kept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("outbox_id", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("thing", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        schema="exchange",
    )
    op.create_index(
        "feed_event_outbox", "feed_event", ["outbox_id"], unique=True, schema="exchange"
    )
    op.create_index("feed_event_generation", "feed_event", ["generation", "id"], schema="exchange")
    op.create_index("feed_event_at", "feed_event", ["at"], schema="exchange")
    op.create_table(
        "feed_reader",
        sa.Column("department", sa.String(), primary_key=True),
        sa.Column("event_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("oversees", sa.Boolean(), nullable=False),
        schema="exchange",
    )
    op.create_index("feed_reader_event", "feed_reader", ["event_id"], schema="exchange")


def downgrade() -> None:
    op.drop_table("feed_reader", schema="exchange")
    op.drop_table("feed_event", schema="exchange")
