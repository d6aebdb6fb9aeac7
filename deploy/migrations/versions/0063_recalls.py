"""Lists of keys that a narrower filter takes back, and how far of them each reader has come."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

SCHEMA = "exchange"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "recall",
        sa.Column(
            "subscription_id",
            sa.String(),
            sa.ForeignKey("exchange.subscription.id"),
            primary_key=True,
        ),
        sa.Column("revision", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("look_at", MOMENT),
        sa.Column("leased_until", MOMENT),
        sa.Column("made_at", MOMENT),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "recall_look_at",
        "recall",
        ["look_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("look_at IS NOT NULL"),
    )
    op.create_table(
        "recalled_key",
        sa.Column(
            "subscription_id",
            sa.String(),
            sa.ForeignKey("exchange.subscription.id"),
            primary_key=True,
        ),
        sa.Column("n", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        schema=SCHEMA,
    )
    once = ["subscription_id", "revision", "digest"]
    op.create_index("recalled_key_once", "recalled_key", once, schema=SCHEMA, unique=True)
    lane = ["subscription_id", "partition", "n"]
    op.create_index("recalled_key_lane", "recalled_key", lane, schema=SCHEMA)
    told = sa.Column("position_told", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("subscription", told, schema=SCHEMA)
    told = sa.Column("told", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("push_lane", told, schema=SCHEMA)
    op.add_column("push_lane", sa.Column("batch_told", sa.BigInteger()), schema=SCHEMA)


def downgrade() -> None:
    for column in ("batch_told", "told"):
        op.drop_column("push_lane", column, schema=SCHEMA)
    op.drop_column("subscription", "position_told", schema=SCHEMA)
    op.drop_table("recalled_key", schema=SCHEMA)
    op.drop_table("recall", schema=SCHEMA)
