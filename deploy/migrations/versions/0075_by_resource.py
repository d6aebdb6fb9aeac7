"""Grants and applications by entry, in the order in which pages and counts of an entry read them.

One entry may have ten thousand of each.
"""

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

SCHEMA = "exchange"
LIVE = "status IN ('active', 'suspended')"


def upgrade() -> None:
    op.create_index("subscription_of", "subscription", ["resource_id", "id"], schema=SCHEMA)
    op.create_index(
        "subscription_users",
        "subscription",
        ["resource_id", "consumer_department", "valid_until"],
        schema=SCHEMA,
        postgresql_where=sa.text(LIVE),
    )
    op.create_index(
        "application_replies",
        "application",
        ["resource_id", "status", "decided_at"],
        schema=SCHEMA,
        postgresql_include=["submitted_at"],
    )
    op.drop_index("subscription_resource", "subscription", schema=SCHEMA)
    op.drop_index("application_resource", "application", schema=SCHEMA)


def downgrade() -> None:
    op.create_index("subscription_resource", "subscription", ["resource_id"], schema=SCHEMA)
    op.create_index("application_resource", "application", ["resource_id"], schema=SCHEMA)
    op.drop_index("application_replies", "application", schema=SCHEMA)
    op.drop_index("subscription_users", "subscription", schema=SCHEMA)
    op.drop_index("subscription_of", "subscription", schema=SCHEMA)
