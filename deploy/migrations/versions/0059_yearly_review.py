"""Published entries are reviewed each year: a deadline of its own kind."""

from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

CHECK = "deadline_kind"
# Of what is in force for longer than a year nobody is late on the day of the upgrade. A year whose
# calendar is of no account: the term is a day, not a number of working days.
BEGIN = """
INSERT INTO catalog.deadline
    (resource_id, kind, subject, began_at, due_at, due_from, due_days, due_calendar, note)
SELECT id, 'yearly', '', now(), (day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai', day, 0, 0, '{}'
FROM (
    SELECT r.id, greatest(
        ((v.published_at AT TIME ZONE 'Asia/Shanghai') + interval '1 year')::date,
        (now() AT TIME ZONE 'Asia/Shanghai')::date + 90
    ) AS day
    FROM catalog.resource r
    JOIN catalog.resource_version v ON v.resource_id = r.id AND v.number = r.published_version
    WHERE v.state = 'published'
) published
"""


def upgrade() -> None:
    _check("'C1', 'C2', 'source_lost', 'yearly'")
    op.execute(BEGIN)


def downgrade() -> None:
    op.execute("DELETE FROM catalog.deadline WHERE kind = 'yearly'")
    _check("'C1', 'C2', 'source_lost'")


def _check(kinds: str) -> None:
    op.drop_constraint(CHECK, "deadline", schema="catalog")
    op.create_check_constraint(CHECK, "deadline", f"kind IN ({kinds})", schema="catalog")
