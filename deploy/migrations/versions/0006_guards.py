"""Rate limits of clients, their buckets, evidence of what was published and read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "exchange"
NOTHING = sa.text("'{}'::jsonb")


def upgrade() -> None:
    op.add_column("client", sa.Column("rate_limit", JSONB()), schema="auth")
    # What a crash empties are buckets of seconds: the log of the database need not carry them.
    op.create_table(
        "rate_bucket",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        sa.Column("depth", sa.Double(), nullable=False),
        schema=SCHEMA,
        prefixes=["UNLOGGED"],
    )
    for table in ("publish_count", "read_count"):
        evidence = sa.Column("evidence", JSONB(), nullable=False, server_default=NOTHING)
        op.add_column(table, evidence, schema=SCHEMA)


def downgrade() -> None:
    for table in ("publish_count", "read_count"):
        op.drop_column(table, "evidence", schema=SCHEMA)
    op.drop_table("rate_bucket", schema=SCHEMA)
    op.drop_column("client", "rate_limit", schema="auth")
