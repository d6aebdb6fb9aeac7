"""Disputes are settled, called up, appealed against and concluded; one of a department is open."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
INDEXES = {
    "dispute_decided_department": ("dispute", "decided_department"),
    "dispute_settlement_by": ("dispute", "settlement_by"),
    "version_answer_dispute": ("version_answer", "dispute_id"),
}
OPEN = "kind <> 'version' AND status IN ('open', 'replied', 'escalated', 'appealed')"
COLUMNS = (
    ("appeal_until", MOMENT),
    ("settlement", sa.String()),
    ("settlement_by", sa.String()),
    ("escalated_at", MOMENT),
    ("appealed_by", sa.String()),
    ("appealed_at", MOMENT),
    ("appeal_reason", sa.String()),
    ("final_decision", sa.String()),
    ("document", sa.String()),
)


def upgrade() -> None:
    for name, kind in COLUMNS:
        op.add_column("dispute", sa.Column(name, kind), schema="exchange")
    op.create_foreign_key(
        "dispute_settlement_by_fkey",
        "dispute",
        "department",
        ["settlement_by"],
        ["uscc"],
        source_schema="exchange",
        referent_schema="auth",
    )
    op.create_index(
        "dispute_one_open",
        "dispute",
        ["kind", "about_id", "claimant_department"],
        unique=True,
        schema="exchange",
        postgresql_where=sa.text(OPEN),
    )
    for name, (table, column) in INDEXES.items():
        op.create_index(name, table, [column], schema="exchange")


def downgrade() -> None:
    for name, (table, _column) in INDEXES.items():
        op.drop_index(name, table, schema="exchange")
    op.drop_index("dispute_one_open", "dispute", schema="exchange")
    for name, _kind in COLUMNS:
        op.drop_column("dispute", name, schema="exchange")
