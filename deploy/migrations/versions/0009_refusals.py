"""Refused requests of known callers, kept to be asked about."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES = {
    "refusal_at": ["at"],
    "refusal_correlation": ["correlation_id"],
    "refusal_actor": ["actor_id", "code", "minute"],
    "refusal_department": ["department", "id"],
}


def upgrade() -> None:
    op.create_table(
        "refusal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("correlation_id", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("department", sa.String()),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("source", sa.String()),
        sa.Column("count", sa.BigInteger(), nullable=False),
        schema="kernel",
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "refusal", columns, schema="kernel")


def downgrade() -> None:
    op.drop_table("refusal", schema="kernel")
