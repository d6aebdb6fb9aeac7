"""The generation of the platform's data: one more for each restored database."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "generation",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("restored_to", sa.DateTime(timezone=True)),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        schema="kernel",
    )
    op.execute(
        "INSERT INTO kernel.generation (number, declared_at, reason) VALUES (1, now(), 'installed')"
    )


def downgrade() -> None:
    op.drop_table("generation", schema="kernel")
