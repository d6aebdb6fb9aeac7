"""Jobs, what they say of the lines of their input, and files."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "blob",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("media", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        schema="kernel",
    )
    op.create_index("blob_expires_at", "blob", ["expires_at"], schema="kernel")
    op.create_table(
        "job",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("author_kind", sa.String(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("arguments", JSONB(), nullable=False),
        sa.Column("input_blob", sa.String()),
        sa.Column("result_blob", sa.String()),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger()),
        sa.Column("errors_count", sa.BigInteger(), nullable=False),
        sa.Column("state", JSONB()),
        sa.Column("problem", JSONB()),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("lease", sa.String()),
        sa.Column("leased_until", MOMENT),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        schema="kernel",
    )
    is_open = sa.text("status IN ('queued', 'running')")
    op.create_index("job_open", "job", ["not_before"], schema="kernel", postgresql_where=is_open)
    op.create_index(
        "job_department",
        "job",
        ["department"],
        schema="kernel",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("job_ended_at", "job", ["ended_at"], schema="kernel")
    op.create_table(
        "job_line",
        sa.Column(
            "job_id",
            sa.String(),
            sa.ForeignKey("kernel.job.id", ondelete="CASCADE", name="job_line_job"),
            primary_key=True,
        ),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("note", JSONB(), nullable=False),
        schema="kernel",
    )


def downgrade() -> None:
    op.drop_table("job_line", schema="kernel")
    op.drop_table("job", schema="kernel")
    op.drop_table("blob", schema="kernel")
