"""What carries the same data: elements by pairs of characters, reasons why an entry is another."""

import unicodedata
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

SCHEMA: Final = "catalog"
AT_ONCE: Final = 500
READ: Final = sa.text(
    "SELECT code, name FROM catalog.element WHERE code > :code ORDER BY code LIMIT :most"
)
WRITE: Final = sa.text(
    "UPDATE catalog.element SET name_grams = :grams WHERE code = :code"
).bindparams(sa.bindparam("grams", type_=postgresql.ARRAY(sa.Text())))


def upgrade() -> None:
    # The defaults stay: gateways of the release before know no such columns until they end.
    op.add_column(
        "element",
        sa.Column("name_grams", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}"),
        schema=SCHEMA,
    )
    op.add_column(
        "resource_version",
        sa.Column("duplicates", postgresql.JSONB(), nullable=False, server_default="[]"),
        schema=SCHEMA,
    )
    _fold()
    op.create_index(
        "element_name_grams", "element", ["name_grams"], postgresql_using="gin", schema=SCHEMA
    )


def _fold() -> None:
    connection = op.get_bind()
    after = ""
    while rows := connection.execute(READ, {"code": after, "most": AT_ONCE}).all():
        connection.execute(WRITE, [{"code": code, "grams": _pairs(name)} for code, name in rows])
        after = rows[-1].code


def _pairs(name: str) -> list[str]:
    """Return pairs of characters, as catalog/rules/words.py did when this was written."""
    found: set[str] = set()
    for word in unicodedata.normalize("NFKC", name).casefold().split():
        found.update([word[place : place + 2] for place in range(len(word) - 1)] or [word])
    return sorted(found)


def downgrade() -> None:
    op.drop_index("element_name_grams", "element", schema=SCHEMA)
    op.drop_column("resource_version", "duplicates", schema=SCHEMA)
    op.drop_column("element", "name_grams", schema=SCHEMA)
