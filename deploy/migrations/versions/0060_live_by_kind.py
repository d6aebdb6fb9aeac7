"""A resource is live by its records, files or service, and each ends C6 for other modes."""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

SCHEMA, TABLE, KEY = "exchange", "live_resource", "live_resource_pkey"
# Whatever came first was noted alone: a file at the moment in which it became ready.
BY_FILE = """
    UPDATE exchange.live_resource AS l SET kind = 'file' FROM exchange.provided_file AS f
    WHERE f.resource_id = l.resource_id AND f.ready_at = l.since
"""
FOUND = """
    INSERT INTO exchange.live_resource (resource_id, kind, since)
    SELECT resource_id, 'records', min(minute) FROM exchange.publish_count
        WHERE records > 0 GROUP BY resource_id
    UNION ALL
    SELECT resource_id, 'file', min(ready_at) FROM exchange.provided_file
        WHERE ready_at IS NOT NULL GROUP BY resource_id
    UNION ALL
    SELECT resource_id, 'service', changed_at FROM exchange.service
    ON CONFLICT DO NOTHING
"""
LATER = """
    DELETE FROM exchange.live_resource AS l USING exchange.live_resource AS o
    WHERE o.resource_id = l.resource_id AND (o.since, o.kind) < (l.since, l.kind)
"""


def upgrade() -> None:
    kind = sa.Column("kind", sa.String(), nullable=False, server_default="records")
    op.add_column(TABLE, kind, schema=SCHEMA)
    op.alter_column(TABLE, "kind", server_default=None, schema=SCHEMA)
    op.execute(BY_FILE)
    op.drop_constraint(KEY, TABLE, schema=SCHEMA)
    op.create_primary_key(KEY, TABLE, ["resource_id", "kind"], schema=SCHEMA)
    op.create_check_constraint(
        "live_resource_kind", TABLE, "kind IN ('records', 'file', 'service')", schema=SCHEMA
    )
    op.execute(FOUND)


def downgrade() -> None:
    op.execute(LATER)
    op.drop_constraint(KEY, TABLE, schema=SCHEMA)
    op.drop_constraint("live_resource_kind", TABLE, schema=SCHEMA)
    op.drop_column(TABLE, "kind", schema=SCHEMA)
    op.create_primary_key(KEY, TABLE, ["resource_id"], schema=SCHEMA)
