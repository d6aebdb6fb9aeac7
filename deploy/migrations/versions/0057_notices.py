"""How departments are told of their events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    department = "auth.department.uscc"
    op.create_table(
        "notice_setting",
        sa.Column("department", sa.String(), sa.ForeignKey(department), nullable=False),
        sa.Column("email", ARRAY(TEXT), nullable=False),
        sa.Column("webhook", sa.String()),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("department"),
        sa.CheckConstraint("digest IN ('immediate', 'daily')", name="notice_setting_digest"),
        schema="exchange",
    )
    op.create_table(
        "notice_channel",
        sa.Column("department", sa.String(), sa.ForeignKey(department), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", MOMENT),
        sa.Column("failure", sa.String()),
        sa.Column("told_at", MOMENT),
        sa.Column("holder", sa.String()),
        sa.Column("leased_until", MOMENT),
        sa.PrimaryKeyConstraint("department", "kind"),
        sa.CheckConstraint("kind IN ('email', 'webhook')", name="notice_channel_kind"),
        schema="exchange",
    )


def downgrade() -> None:
    op.drop_table("notice_channel", schema="exchange")
    op.drop_table("notice_setting", schema="exchange")
