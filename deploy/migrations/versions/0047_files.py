"""Snapshots of subscriptions, files of providers with their parts, files of open entries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _snapshots()
    _provided_files()
    _open_files()


def _snapshots() -> None:
    op.create_table(
        "snapshot",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "subscription_id",
            sa.String(),
            sa.ForeignKey("exchange.subscription.id"),
            nullable=False,
        ),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by_kind", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("blob_id", sa.String()),
        sa.Column("made_at", MOMENT),
        sa.Column("position", postgresql.ARRAY(sa.BigInteger())),
        sa.Column("as_of", MOMENT),
        sa.Column("version", sa.Integer()),
        sa.Column("versions", postgresql.ARRAY(sa.BigInteger())),
        sa.Column("identity", sa.LargeBinary()),
        sa.Column("rows", sa.BigInteger()),
        sa.Column("bytes", sa.BigInteger()),
        sa.Column("sha256", sa.String()),
        schema="exchange",
    )
    op.create_index("snapshot_of", "snapshot", ["subscription_id", "id"], schema="exchange")
    op.create_index("snapshot_expires_at", "snapshot", ["expires_at"], schema="exchange")
    op.create_table(
        "download",
        sa.Column("file_id", sa.String(), primary_key=True),
        sa.Column("actor_id", sa.String(), primary_key=True),
        sa.Column("begun_at", MOMENT, nullable=False),
        schema="exchange",
    )
    op.create_index("download_begun_at", "download", ["begun_at"], schema="exchange")


def _provided_files() -> None:
    op.create_table(
        "provided_file",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("resource_id", sa.String(), sa.ForeignKey("catalog.resource.id"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media", sa.String(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("claimed", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by_kind", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("job_id", sa.String()),
        sa.Column("blob_id", sa.String()),
        sa.Column("sha256", sa.String()),
        sa.Column("ready_at", MOMENT),
        sa.CheckConstraint(
            "status IN ('open', 'checking', 'ready', 'refused')", name="provided_file_status"
        ),
        schema="exchange",
    )
    op.create_index("provided_file_of", "provided_file", ["resource_id", "id"], schema="exchange")
    op.create_index("provided_file_expires_at", "provided_file", ["expires_at"], schema="exchange")
    op.create_table(
        "file_part",
        sa.Column(
            "file_id", sa.String(), sa.ForeignKey("exchange.provided_file.id"), primary_key=True
        ),
        sa.Column("start", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("blob_id", sa.String(), nullable=False),
        schema="exchange",
    )


def _open_files() -> None:
    op.create_table(
        "open_file",
        sa.Column(
            "resource_id", sa.String(), sa.ForeignKey("catalog.resource.id"), primary_key=True
        ),
        sa.Column("format", sa.String(), primary_key=True),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("job_id", sa.String()),
        sa.Column("blob_id", sa.String()),
        sa.Column("made_at", MOMENT),
        sa.Column("position", postgresql.ARRAY(sa.BigInteger())),
        sa.Column("as_of", MOMENT),
        sa.Column("version", sa.Integer()),
        sa.Column("versions", postgresql.ARRAY(sa.BigInteger())),
        sa.Column("identity", sa.LargeBinary()),
        sa.Column("rows", sa.BigInteger()),
        schema="exchange",
    )
    op.create_index("open_file_asked_at", "open_file", ["asked_at"], schema="exchange")


def downgrade() -> None:
    for table in ("open_file", "file_part", "provided_file", "download", "snapshot"):
        op.drop_table(table, schema="exchange")
