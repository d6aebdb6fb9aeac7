"""Words of the catalogue: width and case folded, found by pairs of characters, without pg_trgm."""

import unicodedata
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SCHEMA: Final = "catalog"
AT_ONCE: Final = 500
READ: Final = sa.text("""
    SELECT resource_id, number, search_text FROM catalog.resource_version
    WHERE (resource_id, number) > (:resource_id, :number)
    ORDER BY resource_id, number LIMIT :most
""")
WRITE: Final = sa.text("""
    UPDATE catalog.resource_version SET search_text = :folded, search_grams = :grams
    WHERE resource_id = :resource_id AND number = :number
""").bindparams(sa.bindparam("grams", type_=postgresql.ARRAY(sa.Text())))
PREFIXES: Final = {"resource_region": ("resource", "region_code"),
                   "resource_version_class": ("resource_version", "class_code")}  # fmt: skip


def upgrade() -> None:
    # The default stays: gateways of the release before know no such column until they end.
    op.add_column(
        "resource_version",
        sa.Column("search_grams", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}"),
        schema=SCHEMA,
    )
    op.execute("DROP INDEX IF EXISTS catalog.resource_version_search")
    _fold()
    op.create_index(
        "resource_version_search",
        "resource_version",
        ["search_grams"],
        postgresql_using="gin",
        schema=SCHEMA,
    )
    # LIKE 'prefix%' needs the operators of patterns wherever the collation is not C.
    for name, (table, column) in PREFIXES.items():
        op.drop_index(name, table, schema=SCHEMA)
        ops = {column: "text_pattern_ops"}
        op.create_index(name, table, [column], postgresql_ops=ops, schema=SCHEMA)


def _fold() -> None:
    connection = op.get_bind()
    after = {"resource_id": "", "number": 0}
    while rows := connection.execute(READ, {**after, "most": AT_ONCE}).all():
        written = []
        for resource_id, number, text in rows:
            folded = unicodedata.normalize("NFKC", text).casefold()
            named = {"resource_id": resource_id, "number": number}
            written.append({**named, "folded": folded, "grams": _grams(folded)})
            after = named
        connection.execute(WRITE, written)


def _grams(folded: str) -> list[str]:
    """Return characters and pairs, as catalog/rules/words.py did when this was written."""
    found: set[str] = set()
    for word in folded.split():
        found.update(word)
        found.update(word[place : place + 2] for place in range(len(word) - 1))
    return sorted(found)


def downgrade() -> None:
    for name, (table, column) in PREFIXES.items():
        op.drop_index(name, table, schema=SCHEMA)
        op.create_index(name, table, [column], schema=SCHEMA)
    op.drop_index("resource_version_search", "resource_version", schema=SCHEMA)
    op.drop_column("resource_version", "search_grams", schema=SCHEMA)
