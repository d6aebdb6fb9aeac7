"""Records in quarantine: refused by their contract, kept for the provider to correct."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = "exchange"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "quarantine_batch",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("error_count", sa.Integer(), nullable=False),
        sa.Column("errors", sa.LargeBinary(), nullable=False),
        sa.Column("receipt_id", sa.String()),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("pending_until", MOMENT),
        schema=SCHEMA,
    )
    _index("quarantine_batch", "received_at", ["received_at"])
    op.create_index(
        "quarantine_batch_pending",
        "quarantine_batch",
        ["pending_until"],
        schema=SCHEMA,
        postgresql_where=sa.text("pending_until IS NOT NULL"),
    )
    op.create_table(
        "quarantine_entry",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        schema=SCHEMA,
    )
    _index("quarantine_entry", "resource", ["resource_id", "id"])
    _index("quarantine_entry", "batch", ["batch_id", "id"])
    op.create_table(
        "quarantine_use",
        sa.Column("resource_id", sa.String(), primary_key=True),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        schema=SCHEMA,
    )


def _index(table: str, name: str, columns: list[str]) -> None:
    op.create_index(f"{table}_{name}", table, columns, schema=SCHEMA)


def downgrade() -> None:
    for table in ("quarantine_use", "quarantine_entry", "quarantine_batch"):
        op.drop_table(table, schema=SCHEMA)
