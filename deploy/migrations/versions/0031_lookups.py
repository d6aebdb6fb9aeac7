"""Query and verify: what an agreement tells of mismatches, and budgets of verifying."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "subscription",
        sa.Column("detail", sa.Boolean(), nullable=False, server_default=sa.false()),
        schema="exchange",
    )
    op.create_table(
        "verify_window",
        sa.Column(
            "subscription_id",
            sa.String(),
            sa.ForeignKey("exchange.subscription.id"),
            primary_key=True,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("subjects", sa.Integer(), nullable=False),
        sa.Column("outcomes", sa.String(), nullable=False),
        sa.Column("alarms", sa.Integer(), nullable=False),
        schema="exchange",
    )
    op.create_table(
        "verify_subject",
        sa.Column("subscription_id", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("subject", sa.LargeBinary(), primary_key=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        schema="exchange",
    )
    op.create_index("verify_subject_day", "verify_subject", ["day"], schema="exchange")


def downgrade() -> None:
    op.drop_table("verify_subject", schema="exchange")
    op.drop_table("verify_window", schema="exchange")
    op.drop_column("subscription", "detail", schema="exchange")
