"""Applications that renew or amend a subscription, one of a kind open at a time for each."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

UNDECIDED = "status IN ('draft', 'submitted', 'supplement_requested', 'extension_requested')"
INDEXES = {"application_one_renewal": "renews", "application_one_amendment": "amends"}


def upgrade() -> None:
    for name, column in INDEXES.items():
        op.add_column("application", sa.Column(column, sa.String()), schema="exchange")
        op.create_index(
            name,
            "application",
            [column],
            unique=True,
            schema="exchange",
            postgresql_where=sa.text(f"{column} IS NOT NULL AND {UNDECIDED}"),
        )


def downgrade() -> None:
    for name, column in INDEXES.items():
        op.drop_index(name, "application", schema="exchange")
        op.drop_column("application", column, schema="exchange")
