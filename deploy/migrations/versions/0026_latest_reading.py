"""What readers of the latest state are told: when it was true, and of which publish a record is."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "fold", sa.Column("as_of", sa.DateTime(timezone=True), nullable=True), schema="exchange"
    )
    op.add_column("latest", sa.Column("batch", sa.LargeBinary(), nullable=True), schema="exchange")
    op.create_index(
        "issued_receipt_digest",
        "issued_receipt",
        ["digest"],
        schema="exchange",
        postgresql_using="hash",
    )


def downgrade() -> None:
    op.drop_index("issued_receipt_digest", table_name="issued_receipt", schema="exchange")
    op.drop_column("latest", "batch", schema="exchange")
    op.drop_column("fold", "as_of", schema="exchange")
