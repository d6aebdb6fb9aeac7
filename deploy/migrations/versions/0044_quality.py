"""Rules of quality that are declared for resources, and what is measured of them by day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

SCHEMA = "exchange"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "quality_rules",
        sa.Column("resource_id", sa.String(), primary_key=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rules", postgresql.JSONB(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("measured_on", sa.Date()),
        sa.Column("measuring_on", sa.Date()),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("wait_until", MOMENT),
        schema=SCHEMA,
    )
    op.create_index("quality_rules_due", "quality_rules", ["measured_on"], schema=SCHEMA)
    op.create_table(
        "quality_check",
        sa.Column("resource_id", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("rule", sa.String(), primary_key=True),
        sa.Column("dimension", sa.String(), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column(
            "sample_keys", postgresql.ARRAY(sa.String()), nullable=False, server_default="{}"
        ),
        sa.Column("measured_at", MOMENT, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("quality_check_day", "quality_check", ["day"], schema=SCHEMA)
    op.create_table(
        "quality_day",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for name in ("quality_day", "quality_check", "quality_rules"):
        op.drop_table(name, schema=SCHEMA)
