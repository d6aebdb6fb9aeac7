"""Alarms are found among any number of audit events, the newest first (exchange/alarms).

The condition is that of `exchange/alarms/kinds.py`, word for word: the index serves no other.
"""

from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

IS_ALARM = (
    "(event IN ('verify.guessing_suspected', 'token.reused', 'person.access_restored',"
    " 'platform.restored', 'audit.broken')"
    " OR (event IN ('token.refused', 'sign_in.failed', 'person.confirmation_failed')"
    " AND CAST(details ->> 'failures' AS integer) >= 5)"
    " OR (event IN ('keys.rotated') AND details ->> 'at_once' = 'true')"
    " OR (event IN ('file.refused') AND details ->> 'code' = 'file_refused'))"
)


def upgrade() -> None:
    op.execute(
        f"CREATE INDEX audit_event_alarm ON kernel.audit_event (at, chain, seq) WHERE {IS_ALARM}"
    )


def downgrade() -> None:
    op.execute("DROP INDEX kernel.audit_event_alarm")
