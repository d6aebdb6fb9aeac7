"""Corrections of records, what was handed on to whom, and which lines carry a mark."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

SCHEMA = "exchange"
MOMENT = sa.DateTime(timezone=True)
DEPARTMENT = "auth.department.uscc"
STATES = "('submitted', 'accepted', 'rejected', 'fixed', 'confirmed', 'withdrawn')"
OPEN = "breached_at IS NULL AND status IN ('submitted', 'accepted')"
# What earlier releases wrote down of reads stands in the audit; of more ranges than were listed
# anything may have been handed on.
BACKFILL = """
    INSERT INTO exchange.delivered_range
        (subscription_id, partition, revision, version, first, last)
    SELECT subscription_id, partition, revision, version, first, max(last) FROM (
        SELECT a.subject_id AS subscription_id, (t.trail ->> 'partition')::int AS partition,
            (t.trail ->> 'revision')::int AS revision, (t.trail ->> 'version')::int AS version,
            (r.range ->> 0)::bigint AS first, (r.range ->> 1)::bigint AS last
        FROM kernel.audit_event AS a
        CROSS JOIN LATERAL jsonb_array_elements(a.details -> 'delivered') AS t (trail)
        CROSS JOIN LATERAL (
            SELECT range FROM jsonb_array_elements(t.trail -> 'ranges') AS l (range)
            UNION ALL
            SELECT '[0, 9007199254740992]'::jsonb WHERE (t.trail ->> 'left_out')::int > 0
        ) AS r (range)
        WHERE a.event = 'records.read' AND jsonb_typeof(a.details -> 'delivered') = 'array'
    ) AS told WHERE last >= first
    GROUP BY subscription_id, partition, revision, version, first
"""


def upgrade() -> None:
    _delivered()
    _terms()
    _corrections()
    op.create_table(
        "correction_mark",
        sa.Column(
            "subscription_id",
            sa.String(),
            sa.ForeignKey("exchange.subscription.id"),
            primary_key=True,
        ),
        sa.Column("partition", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("place", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("correction_id", sa.String(), primary_key=True),
        sa.Column("own", sa.Boolean(), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("correction_mark_of", "correction_mark", ["correction_id"], schema=SCHEMA)
    op.execute(BACKFILL)


def _delivered() -> None:
    op.create_table(
        "delivered_range",
        sa.Column("subscription_id", sa.String(), primary_key=True),
        sa.Column("partition", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "lost_second",
        sa.Column("subscription_id", sa.String(), primary_key=True),
        sa.Column("until", MOMENT, primary_key=True),
        schema=SCHEMA,
    )
    op.add_column("count_flush", sa.Column("life", sa.BigInteger()), schema=SCHEMA)
    op.add_column(
        "count_flush",
        sa.Column("ended", sa.Boolean(), nullable=False, server_default="false"),
        schema=SCHEMA,
    )


def _terms() -> None:
    op.create_table(
        "earlier_terms",
        sa.Column(
            "subscription_id",
            sa.String(),
            sa.ForeignKey("exchange.subscription.id"),
            primary_key=True,
        ),
        sa.Column("until_revision", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("resource_version", sa.Integer(), nullable=False),
        *(
            sa.Column(name, JSONB(), nullable=False)
            for name in ("items", "elements", "masks", "unmasked", "row_filter")
        ),
        schema=SCHEMA,
    )


def _corrections() -> None:
    op.create_table(
        "correction",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "subscription_id",
            sa.String(),
            sa.ForeignKey("exchange.subscription.id"),
            nullable=False,
        ),
        sa.Column("resource_id", sa.String(), sa.ForeignKey("catalog.resource.id"), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("consumer_department", sa.String(), sa.ForeignKey(DEPARTMENT), nullable=False),
        sa.Column("provider_department", sa.String(), sa.ForeignKey(DEPARTMENT), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("record_key", sa.LargeBinary()),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("items", JSONB(), nullable=False),
        sa.Column("elements", JSONB(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("submitted_by", sa.String(), nullable=False),
        sa.Column("submitted_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("due_from", sa.Date()),
        sa.Column("due_days", sa.Integer()),
        sa.Column("due_calendar", sa.Integer()),
        sa.Column("breached_at", MOMENT),
        sa.Column("breaches", sa.Integer(), nullable=False),
        sa.Column("partition", sa.Integer()),
        sa.Column("place", sa.BigInteger()),
        sa.Column("record_version", sa.Integer()),
        sa.Column("digests", JSONB(), nullable=False),
        sa.Column("after_place", sa.BigInteger(), nullable=False),
        sa.Column("revision_disputed", sa.Integer(), nullable=False),
        sa.Column("version_disputed", sa.Integer(), nullable=False),
        sa.Column("answered_by", sa.String()),
        sa.Column("answered_at", MOMENT),
        sa.Column("answer_reason", sa.String()),
        sa.Column("receipt_id", sa.String()),
        sa.Column("fixed_by", sa.String()),
        sa.Column("fixed_at", MOMENT),
        sa.Column("fix_partition", sa.Integer()),
        sa.Column("fix_place", sa.BigInteger()),
        sa.Column("settle_at", MOMENT),
        sa.Column("reopened_at", MOMENT),
        sa.Column("closed_at", MOMENT),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(f"status IN {STATES}", name="correction_state"),
        schema=SCHEMA,
    )
    _indexes()
    op.create_table(
        "correction_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column(
            "correction_id", sa.String(), sa.ForeignKey("exchange.correction.id"), nullable=False
        ),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("from_state", sa.String()),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("department", sa.String()),
        sa.Column("details", JSONB(), nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "correction_history_of", "correction_history", ["correction_id", "id"], schema=SCHEMA
    )


def _indexes() -> None:
    for name, columns in (
        ("correction_subscription", ["subscription_id"]),
        ("correction_resource", ["resource_id"]),
        ("correction_consumer", ["consumer_department", "id"]),
        ("correction_provider", ["provider_department", "status", "due_at"]),
    ):
        op.create_index(name, "correction", columns, schema=SCHEMA)
    op.create_index(
        "correction_region",
        "correction",
        ["region_code", "status"],
        schema=SCHEMA,
        postgresql_ops={"region_code": "text_pattern_ops"},
    )
    for name, column, where in (
        ("correction_unbreached", "due_at", OPEN),
        ("correction_unsettled", "settle_at", "settle_at IS NOT NULL"),
    ):
        op.create_index(
            name, "correction", [column], schema=SCHEMA, postgresql_where=sa.text(where)
        )


def downgrade() -> None:
    for table in (
        "correction_mark",
        "correction_history",
        "correction",
        "earlier_terms",
        "lost_second",
        "delivered_range",
    ):
        op.drop_table(table, schema=SCHEMA)
    for column in ("ended", "life"):
        op.drop_column("count_flush", column, schema=SCHEMA)
