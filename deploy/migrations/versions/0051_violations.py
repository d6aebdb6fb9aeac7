"""Violations, each counted once, and orders to remedy them; breaches that are marked are kept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
# Ids are ordered by time, as those of kernel/ids.py.
# Whoever reviews late is the lowest authority: of divisions of one tree the longest code.
BREACHED = (
    """INSERT INTO exchange.violation (
            id, type, department, region_code, thing, thing_id, occasion, due_at, occurred_at)
        SELECT lpad(to_hex((extract(epoch FROM breached_at) * 1000)::bigint), 12, '0')
            || substr(md5(random()::text), 1, 20),
            'reply_late', provider_department, region_code, 'application', id, '',
            due_at, breached_at
        FROM exchange.application WHERE breached_at IS NOT NULL""",
    """INSERT INTO exchange.violation (
            id, type, department, region_code, thing, thing_id, occasion, due_at, occurred_at)
        SELECT lpad(to_hex((extract(epoch FROM delivery_breached_at) * 1000)::bigint), 12, '0')
            || substr(md5(random()::text), 1, 20),
            'delivery_late', provider_department, region_code, 'subscription', id, '',
            deliver_by, delivery_breached_at
        FROM exchange.subscription WHERE delivery_breached_at IS NOT NULL""",
    """INSERT INTO exchange.violation (
            id, type, department, region_code, thing, thing_id, occasion, due_at, occurred_at)
        SELECT lpad(to_hex((extract(epoch FROM d.breached_at) * 1000)::bigint), 12, '0')
            || substr(md5(random()::text), 1, 20),
            'catalogue_late', r.department, r.region_code, 'resource', r.id,
            d.id::text, d.due_at, d.breached_at
        FROM catalog.deadline d JOIN catalog.resource r ON r.id = d.resource_id
        WHERE d.breached_at IS NOT NULL AND d.kind <> 'C2'""",
    """INSERT INTO exchange.violation (
            id, type, department, region_code, thing, thing_id, occasion, due_at, occurred_at)
        SELECT lpad(to_hex((extract(epoch FROM d.breached_at) * 1000)::bigint), 12, '0')
            || substr(md5(random()::text), 1, 20),
            'review_late', a.uscc, a.region_code, 'resource', r.id, d.id::text,
            d.due_at, d.breached_at
        FROM catalog.deadline d JOIN catalog.resource r ON r.id = d.resource_id
        JOIN LATERAL (
            SELECT uscc, region_code FROM auth.department
            WHERE authority AND status = 'active'
                AND r.region_code LIKE regexp_replace(region_code, '(00)+$', '') || '%'
            ORDER BY length(regexp_replace(region_code, '(00)+$', '')) DESC, uscc LIMIT 1
        ) a ON true
        WHERE d.breached_at IS NOT NULL AND d.kind = 'C2'""",
)


def upgrade() -> None:
    department = "auth.department.uscc"
    op.create_table(
        "violation",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("department", sa.String(), sa.ForeignKey(department), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("thing", sa.String(), nullable=False),
        sa.Column("thing_id", sa.String(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("occurred_at", MOMENT, nullable=False),
        schema="exchange",
    )
    op.create_index(
        "violation_once",
        "violation",
        ["type", "thing_id", "occasion"],
        unique=True,
        schema="exchange",
    )
    op.create_index(
        "violation_department", "violation", ["department", "type", "id"], schema="exchange"
    )
    op.create_index("violation_of_type", "violation", ["type", "occurred_at"], schema="exchange")
    for statement in BREACHED:
        op.execute(statement)
    op.create_table(
        "supervision_order",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("department", sa.String(), sa.ForeignKey(department), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("authority_department", sa.String(), sa.ForeignKey(department), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("answer", sa.String()),
        sa.Column("answered_by", sa.String()),
        sa.Column("answered_at", MOMENT),
        sa.Column("reopen_reason", sa.String()),
        sa.Column("closed_by", sa.String()),
        sa.Column("closed_at", MOMENT),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'answered', 'closed')", name="supervision_order_status"
        ),
        schema="exchange",
    )
    op.create_index(
        "supervision_order_department", "supervision_order", ["department", "id"], schema="exchange"
    )
    op.create_index(
        "supervision_order_authority",
        "supervision_order",
        ["authority_department"],
        schema="exchange",
    )
    op.create_index(
        "supervision_order_region_status",
        "supervision_order",
        ["status", "region_code"],
        schema="exchange",
        postgresql_ops={"region_code": "text_pattern_ops"},
    )
    order = "exchange.supervision_order.id"
    op.create_table(
        "supervision_order_violation",
        sa.Column("order_id", sa.String(), sa.ForeignKey(order), primary_key=True),
        sa.Column(
            "violation_id", sa.String(), sa.ForeignKey("exchange.violation.id"), primary_key=True
        ),
        schema="exchange",
    )
    op.create_index(
        "supervision_order_violation_of",
        "supervision_order_violation",
        ["violation_id"],
        schema="exchange",
    )
    op.create_table(
        "supervision_order_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("order_id", sa.String(), sa.ForeignKey(order), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("from_state", sa.String()),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("department", sa.String()),
        sa.Column("details", JSONB(), nullable=False),
        schema="exchange",
    )
    op.create_index(
        "supervision_order_history_of",
        "supervision_order_history",
        ["order_id", "id"],
        schema="exchange",
    )


def downgrade() -> None:
    for table in (
        "supervision_order_history",
        "supervision_order_violation",
        "supervision_order",
        "violation",
    ):
        op.drop_table(table, schema="exchange")
