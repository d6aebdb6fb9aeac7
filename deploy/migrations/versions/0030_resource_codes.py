"""Codes of resources by their class, and what was published of each in all."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

# In the order in which they were drafted; the class is that of the version in force.
GIVE = """
    WITH numbered AS (
        SELECT r.id, coalesce(v.class_code, '000') AS class_code,
            row_number() OVER (
                PARTITION BY coalesce(v.class_code, '000') ORDER BY r.created_at, r.id
            )::text AS place
        FROM catalog.resource AS r
        LEFT JOIN catalog.resource_version AS v
            ON v.resource_id = r.id AND v.number = coalesce(r.published_version, r.version)
    )
    UPDATE catalog.resource AS r
    SET resource_code = n.class_code || '/' || lpad(n.place, greatest(6, length(n.place)), '0')
    FROM numbered AS n WHERE n.id = r.id
"""
COUNT = """
    INSERT INTO catalog.resource_sequence (class_code, last)
    SELECT split_part(resource_code, '/', 1), max(split_part(resource_code, '/', 2)::int)
    FROM catalog.resource WHERE resource_code IS NOT NULL GROUP BY 1
"""
# Sealed minutes stand in the audit; one that was opened again is there twice, the last one holds.
# A minute that is not sealed yet may be told before; then what is counted holds.
TOTAL = """
    INSERT INTO exchange.published_total (resource_id, records, last_published_at)
    SELECT resource_id, sum(records), max(minute) FROM (
        SELECT DISTINCT ON (resource_id, client_id, minute) resource_id, minute, records
        FROM (
            SELECT subject_id AS resource_id, actor_id AS client_id,
                (details ->> 'minute')::timestamptz AS minute,
                (details ->> 'records')::bigint AS records, at, false AS is_counted
            FROM kernel.audit_event WHERE event = 'records.published'
            UNION ALL
            SELECT resource_id, client_id, minute, records, minute, true
            FROM exchange.publish_count
        ) AS told
        ORDER BY resource_id, client_id, minute, is_counted DESC, at DESC
    ) AS counted
    GROUP BY resource_id
"""


def upgrade() -> None:
    # Gateways of the release before draft entries without a code; `submit` gives them theirs.
    op.add_column(
        "resource", sa.Column("resource_code", sa.String(), nullable=True), schema="catalog"
    )
    op.create_table(
        "resource_sequence",
        sa.Column("class_code", sa.String(), primary_key=True),
        sa.Column("last", sa.Integer(), nullable=False),
        schema="catalog",
    )
    op.execute(GIVE)
    op.execute(COUNT)
    op.create_index(
        "resource_code_once", "resource", ["resource_code"], unique=True, schema="catalog"
    )
    op.create_table(
        "published_total",
        sa.Column("resource_id", sa.String(), primary_key=True),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("last_published_at", sa.DateTime(timezone=True), nullable=False),
        schema="exchange",
    )
    op.execute(TOTAL)


def downgrade() -> None:
    op.drop_table("published_total", schema="exchange")
    op.drop_index("resource_code_once", "resource", schema="catalog")
    op.drop_table("resource_sequence", schema="catalog")
    op.drop_column("resource", "resource_code", schema="catalog")
