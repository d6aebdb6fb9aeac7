"""What somebody began last, for who comes back to it."""

from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None

NAME, SCHEMA = "job_author", "kernel"


def upgrade() -> None:
    op.create_index(NAME, "job", ["author_kind", "author_id", "created_at"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_index(NAME, "job", schema=SCHEMA)
