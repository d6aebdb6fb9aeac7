"""The latest state of resources, folded from their logs (ADR 0027)."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

PARTS = 32


def upgrade() -> None:
    op.create_table(
        "folded_resource",
        sa.Column("resource_id", sa.String(), primary_key=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        schema="exchange",
    )
    op.create_table(
        "fold",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("topic_id", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("folded_to", sa.BigInteger(), nullable=False),
        sa.Column("unbroken_from", sa.BigInteger(), nullable=False),
        sa.Column("trimmed_to", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caught_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        schema="exchange",
    )
    op.create_index(
        "fold_current",
        "fold",
        ["resource_id", "partition"],
        unique=True,
        schema="exchange",
        postgresql_where=sa.text("current"),
    )
    op.create_table(
        "latest",
        sa.Column("fold_id", sa.BigInteger(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        schema="exchange",
        postgresql_partition_by="HASH (fold_id)",
    )
    op.create_table(
        "predecessor",
        sa.Column("fold_id", sa.BigInteger(), primary_key=True),
        sa.Column("place", sa.BigInteger(), primary_key=True),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        schema="exchange",
        postgresql_partition_by="HASH (fold_id)",
    )
    for table in ("latest", "predecessor"):
        for part in range(PARTS):
            op.execute(
                f"CREATE TABLE exchange.{table}_{part} PARTITION OF exchange.{table}"
                f" FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
            )


def downgrade() -> None:
    for table in ("predecessor", "latest", "fold", "folded_resource"):
        op.drop_table(table, schema="exchange")
