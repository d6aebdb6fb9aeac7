"""Endpoints, lanes, deliveries and hosts of pushing."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    subscription = "exchange.subscription.id"
    op.create_table(
        "push_endpoint",
        sa.Column("id", sa.String(), sa.ForeignKey(subscription), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("paused_by", sa.String()),
        sa.Column("reason", sa.String()),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("max_records", sa.Integer(), nullable=False),
        sa.Column("max_bytes", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary()),
        sa.Column("previous_until", MOMENT),
        sa.Column("tested_at", MOMENT),
        sa.Column("holder", sa.String()),
        sa.Column("leased_until", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "status IN ('untested', 'active', 'paused', 'stopped')", name="push_endpoint_status"
        ),
        schema="exchange",
    )
    op.create_table(
        "push_lane",
        sa.Column("subscription_id", sa.String(), sa.ForeignKey(subscription), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("topic_id", sa.LargeBinary(), nullable=False),
        sa.Column("next_offset", sa.BigInteger()),
        sa.Column("batch_end", sa.BigInteger()),
        sa.Column("delivery_id", sa.String()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", MOMENT),
        sa.Column("reserved", sa.Integer()),
        sa.PrimaryKeyConstraint("subscription_id", "partition"),
        schema="exchange",
    )
    op.create_table(
        "push_delivery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subscription_id", sa.String(), sa.ForeignKey(subscription), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("available_only", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("tried_at", MOMENT, nullable=False),
        sa.Column("next_attempt_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("answer_status", sa.Integer()),
        sa.Column("answer", sa.LargeBinary()),
        sa.Column("failure", sa.String()),
        sa.Column("skipped_by", sa.String()),
        sa.Column("skip_reason", sa.String()),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "status IN ('sending', 'waiting', 'delivered', 'skipped')", name="push_delivery_status"
        ),
        schema="exchange",
    )
    for name, columns in (
        ("push_delivery_of", ["subscription_id", "number"]),
        ("push_delivery_status_of", ["subscription_id", "status", "number"]),
        ("push_delivery_ended", ["ended_at"]),
    ):
        op.create_index(name, "push_delivery", columns, schema="exchange")
    op.create_table(
        "push_host",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", MOMENT),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("host"),
        schema="exchange",
    )


def downgrade() -> None:
    for table in ("push_host", "push_delivery", "push_lane", "push_endpoint"):
        op.drop_table(table, schema="exchange")
