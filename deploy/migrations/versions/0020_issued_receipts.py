"""Receipts that were issued, to be listed."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "issued_receipt",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("accepted", sa.String(), nullable=False),
        schema="exchange",
    )
    for name, column in (
        ("issued_receipt_resource", "resource_id"),
        ("issued_receipt_department", "department"),
    ):
        op.create_index(name, "issued_receipt", [column, "at", "id"], schema="exchange")
    op.create_index(
        "issued_receipt_at", "issued_receipt", ["at"], schema="exchange", postgresql_using="brin"
    )


def downgrade() -> None:
    op.drop_table("issued_receipt", schema="exchange")
