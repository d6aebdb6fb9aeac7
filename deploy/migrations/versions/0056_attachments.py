"""Documents that departments hand in, and what they are attached to."""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

SCHEMA = "exchange"


def upgrade() -> None:
    op.create_table(
        "attachment",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("department", sa.String(), sa.ForeignKey("auth.department.uscc"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("media", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("uploaded_by", sa.String(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_exchange_attachment_department", "attachment", ["department"], schema=SCHEMA
    )
    op.create_index("attachment_uploaded_at", "attachment", ["uploaded_at"], schema=SCHEMA)
    op.create_table(
        "attached",
        sa.Column("thing_kind", sa.String(), primary_key=True),
        sa.Column("thing_id", sa.String(), primary_key=True),
        sa.Column(
            "attachment_id",
            sa.String(),
            sa.ForeignKey("exchange.attachment.id"),
            primary_key=True,
        ),
        sa.Column("nth", sa.Integer(), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("attached_attachment", "attached", ["attachment_id"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("attached", schema=SCHEMA)
    op.drop_table("attachment", schema=SCHEMA)
