"""Who is on duty is told of alarms: how far, and which events are theirs alone.

What happened before is told to nobody.
"""

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarm_position",
        sa.Column("chain", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        schema="exchange",
    )
    op.execute(
        "INSERT INTO exchange.alarm_position (chain, seq) SELECT chain, seq FROM kernel.audit_chain"
    )
    op.add_column(
        "feed_reader",
        sa.Column("guards", sa.Boolean(), nullable=False, server_default=sa.false()),
        schema="exchange",
    )


def downgrade() -> None:
    op.execute("DELETE FROM exchange.feed_reader WHERE guards")
    op.drop_column("feed_reader", "guards", schema="exchange")
    op.drop_table("alarm_position", schema="exchange")
