"""Use records and disposals of what was received."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
SUBSCRIPTION = "exchange.subscription.id"


def upgrade() -> None:
    op.create_table(
        "usage_record",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("subscription_id", sa.String(), sa.ForeignKey(SUBSCRIPTION), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("scenario", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("effect", sa.String(), nullable=False),
        sa.Column("storage", sa.String(), nullable=False),
        sa.Column("destroyed", sa.String()),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        schema="exchange",
    )
    op.create_index("usage_record_of", "usage_record", ["subscription_id", "id"], schema="exchange")
    op.create_table(
        "disposal",
        sa.Column("id", sa.String(), sa.ForeignKey(SUBSCRIPTION), primary_key=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String()),
        sa.Column("reported_by", sa.String(), nullable=False),
        sa.Column("reported_at", MOMENT, nullable=False),
        sa.Column("answered_by", sa.String()),
        sa.Column("answered_at", MOMENT),
        sa.Column("answer_reason", sa.String()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('reported', 'returned', 'confirmed')", name="disposal_status"
        ),
        schema="exchange",
    )


def downgrade() -> None:
    op.drop_table("disposal", schema="exchange")
    op.drop_table("usage_record", schema="exchange")
