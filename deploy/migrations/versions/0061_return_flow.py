"""Return flows (Art 24), disputes about corrections (Art 28), days on which use records are due."""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

SCHEMA = "exchange"
FLOWS = ("application", "subscription")
KINDS = ("source", "catalogue", "application", "use", "correction", "version")
DUE = "subscription_usage_due"
# What is on record reaches so far; another record is due a year later (Art 29).
REACHED = """
    UPDATE exchange.subscription s SET usage_due_on = greatest(
        (s.created_at AT TIME ZONE 'Asia/Shanghai')::date,
        (SELECT max(u.period_to) FROM exchange.usage_record u WHERE u.subscription_id = s.id)
    ) + 365
"""


def upgrade() -> None:
    for table in FLOWS:
        flag: sa.Column[bool] = sa.Column(
            "return_flow", sa.Boolean(), nullable=False, server_default=sa.false()
        )
        op.add_column(table, flag, schema=SCHEMA)
    op.add_column("subscription", sa.Column("usage_due_on", sa.Date()), schema=SCHEMA)
    op.execute(REACHED)
    op.create_index(
        DUE,
        "subscription",
        ["usage_due_on"],
        schema=SCHEMA,
        postgresql_where=sa.text("status IN ('active', 'suspended')"),
    )
    _check_kinds(KINDS)


def downgrade() -> None:
    # A dispute about a correction has no place in the check before it.
    op.execute("UPDATE exchange.dispute SET kind = 'use' WHERE kind = 'correction'")
    _check_kinds(tuple(kind for kind in KINDS if kind != "correction"))
    op.drop_index(DUE, "subscription", schema=SCHEMA)
    op.drop_column("subscription", "usage_due_on", schema=SCHEMA)
    for table in FLOWS:
        op.drop_column(table, "return_flow", schema=SCHEMA)


def _check_kinds(kinds: tuple[str, ...]) -> None:
    op.drop_constraint("dispute_kind", "dispute", schema=SCHEMA, type_="check")
    op.create_check_constraint("dispute_kind", "dispute", f"kind IN {kinds}", schema=SCHEMA)
