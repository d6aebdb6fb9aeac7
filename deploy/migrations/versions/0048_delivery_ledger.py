"""Delivery ledgers: pages that were handed on, and what was confirmed of a day."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    no = sa.text("false")
    op.add_column(
        "subscription",
        sa.Column("ledger", sa.Boolean(), nullable=False, server_default=no),
        schema="exchange",
    )
    op.alter_column("subscription", "ledger", server_default=None, schema="exchange")
    op.create_table(
        "ledger_page",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("deletes", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        schema="exchange",
    )
    op.create_index(
        "ledger_page_day", "ledger_page", ["subscription_id", "day", "id"], schema="exchange"
    )
    op.create_index(
        "ledger_page_old", "ledger_page", ["day"], postgresql_using="brin", schema="exchange"
    )
    op.create_table(
        "ledger_day",
        sa.Column("subscription_id", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("jws", sa.String()),
        schema="exchange",
    )


def downgrade() -> None:
    op.drop_table("ledger_day", schema="exchange")
    op.drop_table("ledger_page", schema="exchange")
    op.drop_column("subscription", "ledger", schema="exchange")
