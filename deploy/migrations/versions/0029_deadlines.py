"""Deadlines of catalogue entries: a change (C1), a review (C2), a lost source."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

UNDECIDED = (
    "breached_at IS NULL"
    " AND (coalesce(met_at, ended_at) IS NULL OR coalesce(met_at, ended_at) >= due_at)"
)


def moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "deadline",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("resource_id", sa.String(), sa.ForeignKey("catalog.resource.id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        moment("began_at"),
        moment("due_at"),
        sa.Column("due_from", sa.Date(), nullable=False),
        sa.Column("due_days", sa.Integer(), nullable=False),
        sa.Column("due_calendar", sa.Integer(), nullable=False),
        moment("met_at", nullable=True),
        moment("ended_at", nullable=True),
        moment("breached_at", nullable=True),
        sa.Column("note", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("kind IN ('C1', 'C2', 'source_lost')", name="deadline_kind"),
        schema="catalog",
    )
    op.create_index(
        "deadline_one_open",
        "deadline",
        ["resource_id", "kind", "subject"],
        unique=True,
        schema="catalog",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "deadline_undecided",
        "deadline",
        ["due_at"],
        schema="catalog",
        postgresql_where=sa.text(UNDECIDED),
    )
    op.create_index(
        "deadline_lost",
        "deadline",
        ["subject"],
        schema="catalog",
        postgresql_where=sa.text("ended_at IS NULL AND kind = 'source_lost'"),
    )


def downgrade() -> None:
    op.drop_table("deadline", schema="catalog")
