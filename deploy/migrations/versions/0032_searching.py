"""The index over searched items of the latest state."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

PARTS = 32


def upgrade() -> None:
    op.add_column(
        "fold",
        sa.Column("indexed", sa.ARRAY(sa.String()), nullable=False, server_default="{}"),
        schema="exchange",
    )
    op.create_table(
        "search_term",
        sa.Column("fold_id", sa.BigInteger(), primary_key=True),
        sa.Column("item", sa.String(), primary_key=True),
        sa.Column("term", sa.LargeBinary(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        schema="exchange",
        postgresql_partition_by="HASH (fold_id)",
    )
    op.create_index("search_term_row", "search_term", ["fold_id", "digest"], schema="exchange")
    for part in range(PARTS):
        op.execute(
            f"CREATE TABLE exchange.search_term_{part} PARTITION OF exchange.search_term"
            f" FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
        )


def downgrade() -> None:
    op.drop_table("search_term", schema="exchange")
    op.drop_column("fold", "indexed", schema="exchange")
