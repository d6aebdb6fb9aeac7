"""Bundles: one form for many resources and systems."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bundle",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("department", sa.String(), sa.ForeignKey("auth.department.uscc"), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("scenario", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("skipped", postgresql.JSONB(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("signed_by", sa.String()),
        sa.Column("signed_at", MOMENT),
        schema="exchange",
    )
    op.create_index("bundle_department", "bundle", ["department", "id"], schema="exchange")
    op.create_table(
        "bundle_line",
        sa.Column("bundle_id", sa.String(), sa.ForeignKey("exchange.bundle.id"), primary_key=True),
        sa.Column("line", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column(
            "application_id",
            sa.String(),
            sa.ForeignKey("exchange.application.id"),
            nullable=False,
        ),
        sa.Column("problem", postgresql.JSONB()),
        schema="exchange",
    )
    op.create_index(
        "bundle_line_application",
        "bundle_line",
        ["application_id"],
        unique=True,
        schema="exchange",
    )


def downgrade() -> None:
    op.drop_table("bundle_line", schema="exchange")
    op.drop_table("bundle", schema="exchange")
