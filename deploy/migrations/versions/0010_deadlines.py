"""What due dates rest on, and when data was first there to be delivered (C6)."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
BASES = {"application": "due", "subscription": "deliver"}


def upgrade() -> None:
    for table, prefix in BASES.items():
        op.add_column(table, sa.Column(f"{prefix}_from", sa.Date()), schema="exchange")
        op.add_column(table, sa.Column(f"{prefix}_days", sa.Integer()), schema="exchange")
        op.add_column(table, sa.Column(f"{prefix}_calendar", sa.Integer()), schema="exchange")
    op.create_index(
        "application_calendar", "application", ["status", "due_calendar"], schema="exchange"
    )
    op.add_column("subscription", sa.Column("delivered_at", MOMENT), schema="exchange")
    op.add_column("subscription", sa.Column("delivery_breached_at", MOMENT), schema="exchange")
    op.create_index(
        "subscription_undelivered",
        "subscription",
        ["deliver_by"],
        schema="exchange",
        postgresql_where=sa.text("delivered_at IS NULL AND delivery_breached_at IS NULL"),
    )
    op.create_table(
        "live_resource",
        sa.Column("resource_id", sa.String(), primary_key=True),
        sa.Column("since", MOMENT, nullable=False),
        schema="exchange",
    )
    op.execute(
        "INSERT INTO exchange.live_resource (resource_id, since) SELECT resource_id, min(minute)"
        " FROM exchange.publish_count WHERE records > 0 GROUP BY resource_id"
    )


def downgrade() -> None:
    op.drop_table("live_resource", schema="exchange")
    op.drop_index("subscription_undelivered", "subscription", schema="exchange")
    for name in ("delivery_breached_at", "delivered_at"):
        op.drop_column("subscription", name, schema="exchange")
    op.drop_index("application_calendar", "application", schema="exchange")
    for table, prefix in BASES.items():
        for name in ("calendar", "days", "from"):
            op.drop_column(table, f"{prefix}_{name}", schema="exchange")
