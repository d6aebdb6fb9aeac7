"""Applications and subscriptions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
DEPARTMENT = "auth.department.uscc"


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS exchange")
    _application()
    _subscription()
    _history("application")
    _history("subscription")


def _application() -> None:
    op.create_table(
        "application",
        sa.Column("id", sa.String(), primary_key=True),
        *_parties(),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("scenario", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("row_filter", postgresql.JSONB(), nullable=False),
        sa.Column("records_per_day", sa.BigInteger()),
        sa.Column("commitment", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("submitted_at", MOMENT),
        sa.Column("clock", sa.String()),
        sa.Column("due_at", MOMENT),
        sa.Column("held_days", sa.Integer()),
        sa.Column("extended_days", sa.Integer(), nullable=False),
        sa.Column("asked_days", sa.Integer()),
        sa.Column("supplement_used", sa.Boolean(), nullable=False),
        sa.Column("breached_at", MOMENT),
        sa.Column("decided_at", MOMENT),
        sa.Column("decided_by", sa.String()),
        sa.Column("decision", postgresql.JSONB()),
        sa.Column("subscription_id", sa.String()),
        sa.Column("rerouted_from", sa.String()),
        sa.Column("rerouted_to", sa.String()),
        schema="exchange",
    )
    _index("application", "consumer", "consumer_department", "id")
    _index("application", "provider", "provider_department", "id")
    _index("application", "due", "status", "due_at")


def _subscription() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "application_id",
            sa.String(),
            sa.ForeignKey("exchange.application.id"),
            nullable=False,
            unique=True,
        ),
        *_parties(),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("masks", postgresql.JSONB(), nullable=False),
        sa.Column("unmasked", postgresql.JSONB(), nullable=False),
        sa.Column("row_filter", postgresql.JSONB(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("records_per_day", sa.BigInteger()),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("suspended_by", sa.String()),
        sa.Column("suspend_reason", sa.String()),
        sa.Column("remedy_by", sa.Date()),
        sa.Column("filing", sa.String()),
        sa.Column("ended_at", MOMENT),
        sa.Column("end_reason", sa.String()),
        sa.Column("deliver_by", MOMENT, nullable=False),
        sa.Column("position", postgresql.JSONB()),
        sa.Column("position_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        schema="exchange",
    )
    _index("subscription", "resource", "resource_id")
    _index("subscription", "consumer", "consumer_department", "id")
    _index("subscription", "provider", "provider_department", "id")
    _index("subscription", "status", "status", "valid_until")


def _parties() -> list[sa.Column[object]]:
    return [
        sa.Column("consumer_department", sa.String(), sa.ForeignKey(DEPARTMENT), nullable=False),
        sa.Column("provider_department", sa.String(), sa.ForeignKey(DEPARTMENT), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), sa.ForeignKey("catalog.resource.id"), nullable=False),
        sa.Column("resource_version", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), sa.ForeignKey("auth.client.client_id"), nullable=False),
    ]


def _history(of: str) -> None:
    op.create_table(
        f"{of}_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column(f"{of}_id", sa.String(), sa.ForeignKey(f"exchange.{of}.id"), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("from_state", sa.String()),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("department", sa.String()),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        schema="exchange",
    )
    _index(f"{of}_history", "of", f"{of}_id", "id")


def _index(table: str, name: str, *columns: str) -> None:
    op.create_index(f"{table}_{name}", table, list(columns), schema="exchange")


def downgrade() -> None:
    for table in ("subscription_history", "application_history", "subscription", "application"):
        op.drop_table(table, schema="exchange")
    op.execute("DROP SCHEMA exchange")
