"""Elements that can be corrected and retired, editions that can be withdrawn, and by whom."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
EDITION, FIRST_DAY = "code_list_edition", "code_list_edition_first_day"
FIRST = ["code_list", "effective_from"]


def upgrade() -> None:
    for column in (
        sa.Column("examples", JSONB(), nullable=False, server_default="[]"),
        sa.Column("region_code", sa.String()),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("retired_at", MOMENT),
        sa.Column("retire_reason", sa.String()),
    ):
        op.add_column("element", column, schema="catalog")
    op.alter_column("element", "examples", server_default=None, schema="catalog")
    op.alter_column("element", "revision", server_default=None, schema="catalog")
    op.add_column("code_list", sa.Column("region_code", sa.String()), schema="catalog")
    op.add_column(EDITION, sa.Column("withdrawn_at", MOMENT), schema="catalog")
    op.add_column(EDITION, sa.Column("withdraw_reason", sa.String()), schema="catalog")
    # A corrected edition may have the first day of the one that was withdrawn.
    op.drop_constraint(FIRST_DAY, EDITION, schema="catalog")
    op.create_index(
        FIRST_DAY,
        EDITION,
        FIRST,
        unique=True,
        schema="catalog",
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )


def downgrade() -> None:
    """Fail where two editions have one first day: only one of them can be kept."""
    op.drop_index(FIRST_DAY, EDITION, schema="catalog")
    op.create_unique_constraint(FIRST_DAY, EDITION, FIRST, schema="catalog")
    for name in ("withdraw_reason", "withdrawn_at"):
        op.drop_column(EDITION, name, schema="catalog")
    op.drop_column("code_list", "region_code", schema="catalog")
    for name in ("retire_reason", "retired_at", "revision", "region_code", "examples"):
        op.drop_column("element", name, schema="catalog")
