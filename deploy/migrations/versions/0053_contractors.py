"""Which contractor runs a client, and which head approved of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("operated_by", JSONB()),
        sa.Column("operator_approved_by", sa.String()),
        sa.Column("operator_approved_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("client", column, schema="auth")


def downgrade() -> None:
    for name in ("operator_approved_at", "operator_approved_by", "operated_by"):
        op.drop_column("client", name, schema="auth")
