"""What checks of quality come to, by day and department, kept with each of them by triggers.

A region has three million checks a month: indicators and league added them up each time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

SCHEMA, TABLE = "exchange", "quality_sum"
CASES, LATE = "quality_check_at", "quality_check_late"
SUMS = ("entry_days", "timely_days", "checks", "passed")
# What exchange/supervision/cases.py counts.
SUMMED = """
    SELECT q.day, r.department, r.region_code,
        coalesce(sum(q.checked) FILTER (WHERE q.rule = 'update_cycle'), 0) AS entry_days,
        coalesce(sum(q.checked) FILTER (WHERE q.rule = 'update_cycle' AND q.failed = 0), 0)
            AS timely_days,
        count(*) FILTER (WHERE q.checked > 0 AND q.rule <> 'reads') AS checks,
        count(*) FILTER (WHERE q.checked > 0 AND q.rule <> 'reads' AND q.failed = 0) AS passed
    FROM {rows} q JOIN catalog.resource r ON r.id = q.resource_id GROUP BY 1, 2, 3
"""
# Writers take turns, for two that add to the rows of departments in other orders never end; the
# lock comes first, so that a department that has just been merged is not read as it was.
FUNCTION = """
    CREATE FUNCTION exchange.{name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM {changed}) THEN
            LOCK TABLE exchange.quality_sum IN SHARE ROW EXCLUSIVE MODE;
            {statements}
        END IF;
        RETURN NULL;
    END $$
"""
ADD = """
    INSERT INTO exchange.quality_sum AS s
        (day, department, region_code, entry_days, timely_days, checks, passed)
    {summed}
    ON CONFLICT (day, department, region_code) DO UPDATE SET
        entry_days = s.entry_days + excluded.entry_days,
        timely_days = s.timely_days + excluded.timely_days,
        checks = s.checks + excluded.checks, passed = s.passed + excluded.passed;
"""
TAKE = """
    UPDATE exchange.quality_sum AS s SET
        entry_days = s.entry_days - gone.entry_days,
        timely_days = s.timely_days - gone.timely_days,
        checks = s.checks - gone.checks, passed = s.passed - gone.passed
    FROM ({summed}) AS gone
    WHERE s.day = gone.day AND s.department = gone.department
        AND s.region_code = gone.region_code;
"""
NEW, OLD = (
    ADD.format(summed=SUMMED.format(rows="added")),
    TAKE.format(summed=SUMMED.format(rows="gone_rows")),
)
TRIGGERS = {
    "INSERT": ("quality_added", "NEW TABLE AS added", "added", NEW),
    "UPDATE": (
        "quality_changed", "OLD TABLE AS gone_rows NEW TABLE AS added", "added", OLD + NEW,
    ),
    "DELETE": ("quality_gone", "OLD TABLE AS gone_rows", "gone_rows", OLD),
}  # fmt: skip


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("department", sa.String(), primary_key=True),
        sa.Column("region_code", sa.String(), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        schema=SCHEMA,
    )
    # From here on nobody writes checks until the triggers are there.
    op.execute("LOCK TABLE exchange.quality_check IN SHARE ROW EXCLUSIVE MODE")
    columns = f"day, department, region_code, {', '.join(SUMS)}"
    summed = SUMMED.format(rows="exchange.quality_check")
    op.execute(f"INSERT INTO exchange.quality_sum ({columns}) {summed}")
    for event, (name, tables, changed, statements) in TRIGGERS.items():
        op.execute(FUNCTION.format(name=name, changed=changed, statements=statements))
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON exchange.quality_check"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION exchange.{name}()"
        )
    # Cases are listed in the order in which they were measured, from the first day that is asked.
    op.create_index(CASES, "quality_check", ["measured_at", "resource_id"], schema=SCHEMA)
    op.create_index(
        LATE,
        "quality_check",
        ["measured_at", "resource_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("failed > 0"),
    )


def downgrade() -> None:
    op.drop_index(LATE, "quality_check", schema=SCHEMA)
    op.drop_index(CASES, "quality_check", schema=SCHEMA)
    for name, *_rest in TRIGGERS.values():
        op.execute(f"DROP TRIGGER {name} ON exchange.quality_check")
        op.execute(f"DROP FUNCTION exchange.{name}()")
    op.drop_table(TABLE, schema=SCHEMA)
