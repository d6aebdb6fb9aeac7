"""The editions of code lists in which consumers want values."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("application", "subscription"):
        nothing = sa.text("'{}'::jsonb")
        column = sa.Column("editions", JSONB(), nullable=False, server_default=nothing)
        op.add_column(table, column, schema="exchange")


def downgrade() -> None:
    for table in ("subscription", "application"):
        op.drop_column(table, "editions", schema="exchange")
