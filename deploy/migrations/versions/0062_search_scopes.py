"""Department, divisions and classes of a version beside its words: one index finds by both.

An entry that went into another division with its department says so in the version that is shown.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

SCHEMA, TABLE, INDEX = "catalog", "resource_version", "resource_version_search"
# As catalog/rules/scopes.py made them when this was written.
FILL = """
    UPDATE catalog.resource_version AS v SET search_scopes =
        ARRAY['d' || r.department]
        || ARRAY(
            SELECT 'r' || left(r.region_code, digits) FROM unnest(ARRAY[2, 4, 6, 9, 12]) AS digits
            WHERE digits <= length(r.region_code) ORDER BY digits
        )
        || ARRAY(
            SELECT 'c' || left(v.class_code, digits)
            FROM generate_series(1, length(v.class_code)) AS digits ORDER BY digits
        )
    FROM catalog.resource AS r WHERE r.id = v.resource_id
"""
MOVED = """
    UPDATE catalog.resource_version AS v SET region_code = r.region_code FROM catalog.resource AS r
    WHERE r.id = v.resource_id AND v.number IN (r.version, r.published_version)
        AND v.region_code <> r.region_code
"""


def upgrade() -> None:
    # The default stays: gateways of the release before know no such column until they end.
    scopes: sa.Column[list[str]] = sa.Column(
        "search_scopes", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}"
    )
    op.add_column(TABLE, scopes, schema=SCHEMA)
    op.drop_index(INDEX, TABLE, schema=SCHEMA)
    op.execute(MOVED)
    op.execute(FILL)
    _index("search_grams", "search_scopes")


def downgrade() -> None:
    op.drop_index(INDEX, TABLE, schema=SCHEMA)
    op.drop_column(TABLE, "search_scopes", schema=SCHEMA)
    _index("search_grams")


def _index(*columns: str) -> None:
    op.create_index(INDEX, TABLE, list(columns), schema=SCHEMA, postgresql_using="gin")
