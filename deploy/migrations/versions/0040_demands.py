"""Demands for data that nobody shares yet."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    department = "auth.department.uscc"
    op.create_table(
        "demand",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("department", sa.String(), sa.ForeignKey(department), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("items", JSONB(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("scenario", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("submitted_by", sa.String()),
        sa.Column("submitted_at", MOMENT),
        sa.Column("merged_into", sa.String(), sa.ForeignKey("exchange.demand.id")),
        sa.Column("assigned_department", sa.String(), sa.ForeignKey(department)),
        sa.Column("assigned_at", MOMENT),
        sa.Column("planned_on", sa.Date()),
        sa.Column("declined_reason", sa.String()),
        sa.Column("resource_id", sa.String(), sa.ForeignKey("catalog.resource.id")),
        sa.Column("ended_at", MOMENT),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("(status = 'met') = (resource_id IS NOT NULL)", name="demand_met"),
        schema="exchange",
    )
    for name, columns in (
        ("demand_department", ["department", "id"]),
        ("demand_assigned", ["assigned_department", "id"]),
        ("demand_merged_into", ["merged_into"]),
        ("demand_resource", ["resource_id"]),
    ):
        op.create_index(name, "demand", columns, schema="exchange")
    op.create_index(
        "demand_region_status",
        "demand",
        ["status", "region_code"],
        schema="exchange",
        postgresql_ops={"region_code": "text_pattern_ops"},
    )
    op.create_index(
        "demand_ended",
        "demand",
        ["ended_at"],
        schema="exchange",
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.create_table(
        "demand_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("demand_id", sa.String(), sa.ForeignKey("exchange.demand.id"), nullable=False),
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
    op.create_index("demand_history_of", "demand_history", ["demand_id", "id"], schema="exchange")


def downgrade() -> None:
    op.drop_table("demand_history", schema="exchange")
    op.drop_table("demand", schema="exchange")
