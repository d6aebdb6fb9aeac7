"""Audit events lie in partitions by month, so that old months can be archived (ADR 0028)."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

GENESIS = "0" * 64
MONTHS_AHEAD = 12
RENAMED = ("audit_event_at", "audit_event_subject", "audit_event_actor")
THIS_MONTH = "to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')::integer"
GUARD = (
    "CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON kernel.{table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION kernel.refuse_change()"
)


def _following(period: int) -> int:
    return period + 1 if period % 100 < 12 else period + 89  # noqa: PLR2004 - months of a year


def upgrade() -> None:
    for name, kind, default in (
        ("period", sa.Integer(), "0"),
        ("archived_seq", sa.BigInteger(), "0"),
        ("archived_hash", sa.String(), f"'{GENESIS}'"),
    ):
        column = sa.Column(name, kind, nullable=False, server_default=sa.text(default))
        op.add_column("audit_chain", column, schema="kernel")
    now = datetime.now(UTC)
    period = now.year * 100 + now.month
    # What there is becomes the first partition: no row is copied, its primary key is made anew.
    op.execute("ALTER TABLE kernel.audit_event RENAME TO audit_event_first")
    op.execute("ALTER TABLE kernel.audit_event_first DROP CONSTRAINT audit_event_pkey")
    for name in RENAMED:
        op.execute(f"ALTER INDEX kernel.{name} RENAME TO {name}_first")
    op.execute(
        f"ALTER TABLE kernel.audit_event_first ADD COLUMN period integer NOT NULL DEFAULT {period}"
    )
    op.execute(f"ALTER TABLE kernel.audit_event_first ALTER COLUMN period SET DEFAULT {THIS_MONTH}")
    op.execute(
        "CREATE TABLE kernel.audit_event (LIKE kernel.audit_event_first INCLUDING DEFAULTS)"
        " PARTITION BY RANGE (period)"
    )
    op.execute(
        "ALTER TABLE kernel.audit_event ADD CONSTRAINT audit_event_pkey"
        " PRIMARY KEY (chain, seq, period)"
    )
    op.execute("CREATE INDEX audit_event_at ON kernel.audit_event (at)")
    op.execute("CREATE INDEX audit_event_subject ON kernel.audit_event (subject_type, subject_id)")
    op.execute("CREATE INDEX audit_event_actor ON kernel.audit_event (actor_id)")
    op.execute(GUARD.format(table="audit_event"))
    following = _following(period)
    op.execute(
        "ALTER TABLE kernel.audit_event ATTACH PARTITION kernel.audit_event_first"
        f" FOR VALUES FROM (MINVALUE) TO ({following})"
    )
    for _month in range(MONTHS_AHEAD):
        table, begin, following = f"audit_event_{following}", following, _following(following)
        op.execute(
            f"CREATE TABLE kernel.{table} PARTITION OF kernel.audit_event"
            f" FOR VALUES FROM ({begin}) TO ({following})"
        )
        op.execute(GUARD.format(table=table))


def downgrade() -> None:
    raise NotImplementedError("what was archived is not in the database any more")
