"""Every state, kind and mode of a row is checked by the database; keys have their models' names."""

from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

ENTRY = ("draft", "submitted", "approved", "published", "superseded", "retired", "discarded")
SOURCE = ("claimed", "contested", "active", "rejected", "replaced", "withdrawn", "ended")
MODE = ("pull", "push", "query", "verify", "file", "table", "api")
# By the check's name: schema, table, column and what it may hold.
CHECKS = {
    "job_status": (
        "kernel", "job", "status", ("queued", "running", "done", "failed", "cancelled"),
    ),
    "resource_status": ("catalog", "resource", "status", ENTRY),
    "resource_version_state": ("catalog", "resource_version", "state", ENTRY),
    "resource_version_share_type": (
        "catalog", "resource_version", "share_type", ("unconditional", "conditional", "none"),
    ),
    "resource_version_open_type": (
        "catalog", "resource_version", "open_type", ("open", "conditional", "closed"),
    ),
    "source_status": ("catalog", "source", "status", SOURCE),
    "application_mode": ("exchange", "application", "mode", MODE),
    "subscription_mode": ("exchange", "subscription", "mode", MODE),
    "demand_status": (
        "exchange", "demand", "status",
        ("draft", "submitted", "assigned", "accepted", "merged", "met", "closed"),
    ),
    "dispute_kind": (
        "exchange", "dispute", "kind", ("source", "catalogue", "application", "use", "version"),
    ),
    "dispute_status": (
        "exchange", "dispute", "status",
        ("open", "replied", "escalated", "decided", "appealed", "closed"),
    ),
}  # fmt: skip


# By the index' name: schema, table and columns of a foreign key that only parts of indexes had.
INDEXES = {
    "authorization_code_person": ("auth", "authorization_code", ["person_id"]),
    "source_element": ("catalog", "source", ["element"]),
    "deadline_resource": ("catalog", "deadline", ["resource_id"]),
}
TRANSITION = "resource_transition_resource"
RENAME = "ALTER TABLE kernel.job_line RENAME CONSTRAINT {} TO {}"
JOB_LINE = ("job_line_job", "job_line_job_id_fkey")


def upgrade() -> None:
    op.execute(RENAME.format(*JOB_LINE))
    # A row that breaks a check stops the upgrade with the check's name; nothing is changed.
    for name, (schema, table, column, values) in CHECKS.items():
        op.create_check_constraint(name, table, f"{column} IN {values}", schema=schema)
    for name, (schema, table, columns) in INDEXES.items():
        op.create_index(name, table, columns, schema=schema)
    _index_transitions(["resource_id", "version"])


def downgrade() -> None:
    _index_transitions(["resource_id"])
    for name, (schema, table, _columns) in INDEXES.items():
        op.drop_index(name, table, schema=schema)
    for name, (schema, table, _column, _values) in CHECKS.items():
        op.drop_constraint(name, table, schema=schema, type_="check")
    op.execute(RENAME.format(*reversed(JOB_LINE)))


def _index_transitions(columns: list[str]) -> None:
    op.drop_index(TRANSITION, "resource_transition", schema="catalog")
    op.create_index(TRANSITION, "resource_transition", columns, schema="catalog")
