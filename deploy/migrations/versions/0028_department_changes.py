"""Departments keep their former names and their successor; mergers and moves are planned."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

PLANNED = sa.text("status = 'planned'")
UNSWEPT = sa.text("status = 'done' AND swept_at IS NULL")


def upgrade() -> None:
    names = sa.Column(
        "former_names", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb")
    )
    op.add_column("department", names, schema="auth")
    op.add_column(
        "department",
        sa.Column("successor", sa.String(), sa.ForeignKey("auth.department.uscc")),
        schema="auth",
    )
    op.create_index("department_successor", "department", ["successor"], schema="auth")
    op.create_table(
        "department_change",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("department", sa.String(), sa.ForeignKey("auth.department.uscc"), nullable=False),
        sa.Column("successor", sa.String(), sa.ForeignKey("auth.department.uscc")),
        sa.Column("region_code", sa.String()),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("swept_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", postgresql.JSONB()),
        sa.Column("problem", sa.String()),
        sa.CheckConstraint("kind IN ('merge', 'move')", name="department_change_kind"),
        sa.CheckConstraint(
            "status IN ('planned', 'done', 'cancelled', 'failed')",
            name="department_change_status",
        ),
        sa.CheckConstraint(
            "(kind = 'merge') = (successor IS NOT NULL)"
            " AND (kind = 'move') = (region_code IS NOT NULL)",
            name="department_change_target",
        ),
        schema="exchange",
    )
    _index("one_planned", ["department"], unique=True, where=PLANNED)
    _index("of", ["department", "id"])
    _index("to", ["successor", "id"])
    _index("due", ["on_day"], where=PLANNED)
    _index("unswept", ["finished_at"], where=UNSWEPT)


def _index(
    name: str, columns: list[str], *, unique: bool = False, where: sa.TextClause | None = None
) -> None:
    op.create_index(
        f"department_change_{name}",
        "department_change",
        columns,
        unique=unique,
        schema="exchange",
        postgresql_where=where,
    )


def downgrade() -> None:
    op.drop_table("department_change", schema="exchange")
    op.drop_index("department_successor", "department", schema="auth")
    op.drop_column("department", "successor", schema="auth")
    op.drop_column("department", "former_names", schema="auth")
