"""One department lets another act for it."""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    department = "auth.department.uscc"
    op.create_table(
        "delegation",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("department", sa.String(), sa.ForeignKey(department), nullable=False),
        sa.Column("delegate", sa.String(), sa.ForeignKey(department), nullable=False),
        sa.Column("powers", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("consented_by", sa.String()),
        sa.Column("consented_at", MOMENT),
        sa.Column("ended_by", sa.String()),
        sa.Column("ended_at", MOMENT),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('proposed', 'active', 'ended')", name="delegation_status"),
        sa.CheckConstraint("department <> delegate", name="delegation_parties"),
        schema="auth",
    )
    op.create_index("delegation_department", "delegation", ["department", "id"], schema="auth")
    op.create_index("delegation_delegate", "delegation", ["delegate", "department"], schema="auth")


def downgrade() -> None:
    op.drop_table("delegation", schema="auth")
