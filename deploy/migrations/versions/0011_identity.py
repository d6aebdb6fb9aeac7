"""Temporary passwords, two secrets of a client during a rotation, sessions of a browser."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SCHEMA = "auth"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    temporary: sa.Column[bool] = sa.Column(
        "password_temporary", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("person", temporary, schema=SCHEMA)
    op.alter_column("person", "password_temporary", server_default=None, schema=SCHEMA)
    op.add_column("client", sa.Column("previous_secret_digest", sa.LargeBinary()), schema=SCHEMA)
    op.add_column("client", sa.Column("previous_secret_until", TIME), schema=SCHEMA)
    for table in ("authorization_code", "refresh_token"):
        op.add_column(table, sa.Column("session", sa.String()), schema=SCHEMA)
    op.create_index("refresh_token_session", "refresh_token", ["session"], schema=SCHEMA)
    op.add_column("sign_in", sa.Column("session", sa.String()), schema=SCHEMA)
    op.add_column("sign_in", sa.Column("used_at", TIME), schema=SCHEMA)
    op.execute("UPDATE auth.sign_in SET session = encode(digest, 'hex'), used_at = created_at")
    op.alter_column("sign_in", "session", nullable=False, schema=SCHEMA)
    op.alter_column("sign_in", "used_at", nullable=False, schema=SCHEMA)
    # Counted by name alone until now.
    op.execute("DELETE FROM auth.sign_in_failures")


def downgrade() -> None:
    op.drop_column("sign_in", "used_at", schema=SCHEMA)
    op.drop_column("sign_in", "session", schema=SCHEMA)
    op.drop_index("refresh_token_session", "refresh_token", schema=SCHEMA)
    for table in ("authorization_code", "refresh_token"):
        op.drop_column(table, "session", schema=SCHEMA)
    op.drop_column("client", "previous_secret_until", schema=SCHEMA)
    op.drop_column("client", "previous_secret_digest", schema=SCHEMA)
    op.drop_column("person", "password_temporary", schema=SCHEMA)
