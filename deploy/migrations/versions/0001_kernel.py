"""Audit chains, outbox, kept answers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CHAINS = 8
GENESIS = "0" * 64
REFUSE_CHANGE = """
CREATE FUNCTION kernel.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit events are append-only'; END $$
"""


def upgrade() -> None:
    _audit()
    op.execute(sa.schema.CreateSequence(sa.Sequence("life", schema="kernel", data_type=sa.Integer)))
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        schema="kernel",
    )
    op.create_table(
        "kept_answer",
        sa.Column("scope", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        schema="kernel",
    )
    op.create_index("kept_answer_created_at", "kept_answer", ["created_at"], schema="kernel")


def _audit() -> None:
    chains = op.create_table(
        "audit_chain",
        sa.Column("chain", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        schema="kernel",
    )
    op.bulk_insert(chains, [{"chain": chain, "seq": 0, "hash": GENESIS} for chain in range(CHAINS)])
    op.create_table(
        "audit_event",
        sa.Column("chain", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("department", sa.String()),
        sa.Column("subject_type", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("correlation_id", sa.String()),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        schema="kernel",
    )
    op.create_index("audit_event_at", "audit_event", ["at"], schema="kernel")
    op.create_index(
        "audit_event_subject", "audit_event", ["subject_type", "subject_id"], schema="kernel"
    )
    op.create_index("audit_event_actor", "audit_event", ["actor_id"], schema="kernel")
    op.execute(REFUSE_CHANGE)
    op.execute(
        "CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE"
        " ON kernel.audit_event FOR EACH STATEMENT EXECUTE FUNCTION kernel.refuse_change()"
    )


def downgrade() -> None:
    for table in ("kept_answer", "outbox", "audit_event", "audit_chain"):
        op.drop_table(table, schema="kernel")
    op.execute("DROP SEQUENCE kernel.life")
    op.execute("DROP FUNCTION kernel.refuse_change()")
