"""Indexes of what waits for somebody, by department or division and state."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

PATTERN = {"region_code": "text_pattern_ops"}
INDEXES = {
    "application_consumer_status": ("exchange", "application", ["consumer_department", "status"]),
    "application_provider_status": (
        "exchange",
        "application",
        ["provider_department", "status", "due_at"],
    ),
    "application_region_status": ("exchange", "application", ["status", "region_code"]),
    "subscription_provider_status": (
        "exchange",
        "subscription",
        ["provider_department", "status", "deliver_by"],
    ),
    "subscription_region_status": ("exchange", "subscription", ["status", "region_code"]),
    "resource_department_status": ("catalog", "resource", ["department", "status"]),
    "resource_region_status": ("catalog", "resource", ["status", "region_code"]),
    "source_region_status": ("catalog", "source", ["status", "region_code"]),
}


def upgrade() -> None:
    for name, (schema, table, columns) in INDEXES.items():
        operators = PATTERN if "region_code" in columns else {}
        op.create_index(name, table, columns, schema=schema, postgresql_ops=operators)


def downgrade() -> None:
    for name, (schema, table, _columns) in INDEXES.items():
        op.drop_index(name, table, schema=schema)
