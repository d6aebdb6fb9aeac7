"""HTTP services of departments, mounted behind their resources."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service",
        sa.Column(
            "resource_id", sa.String(), sa.ForeignKey("catalog.resource.id"), primary_key=True
        ),
        sa.Column("base_url", sa.String(), nullable=False),
        sa.Column("operations", JSONB(), nullable=False),
        sa.Column("auth", JSONB(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("timeouts", JSONB(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        schema="exchange",
    )


def downgrade() -> None:
    op.drop_table("service", schema="exchange")
