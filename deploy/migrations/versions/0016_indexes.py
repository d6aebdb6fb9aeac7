"""Indexes of foreign keys and terms, and the states that a row may have."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEXES = {
    "application_resource": ("exchange", "application", "resource_id"),
    "application_client": ("exchange", "application", "client_id"),
    "subscription_client": ("exchange", "subscription", "client_id"),
    "source_department": ("catalog", "source", "department"),
    "element_code_list": ("catalog", "element", "code_list"),
    "element_standard": ("catalog", "element", "standard"),
    "code_list_standard": ("catalog", "code_list", "standard"),
    "publish_count_minute": ("exchange", "publish_count", "minute"),
    "read_count_minute": ("exchange", "read_count", "minute"),
    "daily_use_day": ("exchange", "daily_use", "day"),
}
APPLICATION = (
    "draft", "submitted", "supplement_requested", "extension_requested", "agreed", "refused",
    "rerouted", "withdrawn",
)  # fmt: skip
CHECKS = {
    "application_status": (
        "application",
        f"status IN {APPLICATION}",
    ),
    "subscription_state": (
        "subscription",
        "status IN ('active', 'suspended', 'expired', 'terminated')",
    ),
}


def upgrade() -> None:
    for name, (table, condition) in CHECKS.items():
        op.create_check_constraint(name, table, condition, schema="exchange")
    # Not concurrently: another upgrade that waits for its turn would be waited for.
    for name, (schema, table, column) in INDEXES.items():
        op.create_index(name, table, [column], schema=schema)


def downgrade() -> None:
    for name, (schema, table, _column) in INDEXES.items():
        op.drop_index(name, table, schema=schema)
    for name, (table, _condition) in CHECKS.items():
        op.drop_constraint(name, table, schema="exchange", type_="check")
