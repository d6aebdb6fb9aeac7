"""Networks in which a department may be called."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "networks",
        sa.Column("department", sa.String(), sa.ForeignKey("auth.department.uscc"), nullable=False),
        sa.Column("cidrs", ARRAY(TEXT), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("department"),
        schema="auth",
    )


def downgrade() -> None:
    op.drop_table("networks", schema="auth")
