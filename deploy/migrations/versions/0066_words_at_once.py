"""Words are indexed as they are written, not later.

What waits in a GIN index's pending list is read through by every question, until a vacuum: while
elements were imported that took most of the time of looking for elements of the same datum.
"""

from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

INDEXES = (
    "element_name_grams",
    "resource_version_items",
    "resource_version_derived",
    "resource_version_search",
)


def upgrade() -> None:
    for index in INDEXES:
        op.execute(f"ALTER INDEX catalog.{index} SET (fastupdate = off)")
        op.execute(f"SELECT gin_clean_pending_list('catalog.{index}'::regclass)")


def downgrade() -> None:
    for index in INDEXES:
        op.execute(f"ALTER INDEX catalog.{index} RESET (fastupdate)")
