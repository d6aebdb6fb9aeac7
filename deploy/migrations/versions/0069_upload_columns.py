"""What headings of uploaded files stand for, as people of a department said it once."""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

SCHEMA = "exchange"


def upgrade() -> None:
    op.create_table(
        "upload_column",
        sa.Column("department", sa.String(), primary_key=True),
        sa.Column("resource_id", sa.String(), primary_key=True),
        sa.Column("heading", sa.String(), primary_key=True),
        sa.Column("item", sa.String(), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("upload_column", schema=SCHEMA)
