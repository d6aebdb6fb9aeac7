"""Grants hold the elements of their items, of the version that was agreed to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Of items granted and of items that the row filter names. One that the version does not have (there
# should be none) stays without an element, and is not shown of any record.
FILL = """
UPDATE exchange.subscription AS granted SET elements = coalesce(
    (
        SELECT jsonb_object_agg(item->>'name', item->>'element')
        FROM catalog.resource_version AS version, jsonb_array_elements(version.items) AS item
        WHERE version.resource_id = granted.resource_id
            AND version.number = granted.resource_version
            AND item->>'element' IS NOT NULL
            AND (
                granted.items ? (item->>'name')
                OR granted.row_filter @> jsonb_build_array(
                    jsonb_build_object('item', item->>'name')
                )
            )
    ),
    '{}'::jsonb
)
"""


def upgrade() -> None:
    op.add_column(
        "subscription", sa.Column("elements", postgresql.JSONB(), nullable=True), schema="exchange"
    )
    op.execute(FILL)
    op.alter_column("subscription", "elements", nullable=False, schema="exchange")


def downgrade() -> None:
    op.drop_column("subscription", "elements", schema="exchange")
