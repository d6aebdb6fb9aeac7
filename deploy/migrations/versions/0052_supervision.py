"""What left by subscription and day, kept for good, and indexes of what falls due in a period."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

NUMBERS = ("answers", "records", "bytes")
INDEXES = (
    ("application_due_at", "application", "due_at"),
    ("subscription_deliver_by", "subscription", "deliver_by"),
)


def upgrade() -> None:
    op.create_table(
        "delivered_day",
        sa.Column("subscription_id", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in NUMBERS),
        schema="exchange",
    )
    op.create_index("delivered_day_day", "delivered_day", ["day"], schema="exchange")
    # Of the days whose counts are still kept; pages without records cannot be told apart there.
    op.execute("""
        INSERT INTO exchange.delivered_day (subscription_id, day, answers, records, bytes)
        SELECT subscription_id, CAST(minute AT TIME ZONE 'Asia/Shanghai' AS date),
            sum(pages), sum(records), sum(bytes)
        FROM exchange.read_count WHERE records > 0 GROUP BY 1, 2
    """)
    for name, table, column in INDEXES:
        op.create_index(name, table, [column], schema="exchange")


def downgrade() -> None:
    for name, table, _column in INDEXES:
        op.drop_index(name, table, schema="exchange")
    op.drop_table("delivered_day", schema="exchange")
