"""Full replacements of a resource's records."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = "status IN ('open', 'committing', 'committed', 'aborted', 'expired')"


def upgrade() -> None:
    op.create_table(
        "replacement",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("topic_id", sa.LargeBinary(), nullable=False),
        sa.Column("starts", JSONB(), nullable=False),
        sa.Column("began_by", sa.String(), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("job_id", sa.String()),
        sa.Column("ended_at", MOMENT),
        sa.Column("deletes", sa.BigInteger()),
        sa.CheckConstraint(STATES, name="replacement_status"),
        schema="exchange",
    )
    op.create_index(
        "replacement_one_open",
        "replacement",
        ["resource_id"],
        unique=True,
        schema="exchange",
        postgresql_where=sa.text("status IN ('open', 'committing')"),
    )
    op.create_index("replacement_resource", "replacement", ["resource_id", "id"], schema="exchange")


def downgrade() -> None:
    op.drop_table("replacement", schema="exchange")
