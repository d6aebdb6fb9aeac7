"""Codes of devices without a browser (RFC 8628), until somebody decides on them elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_code",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("user_digest", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("polled_at", sa.DateTime(timezone=True)),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), sa.ForeignKey("auth.person.id")),
        sa.Column("generation", sa.Integer()),
        sa.Column("session", sa.String()),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'denied', 'used')", name="device_code_status"
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'denied') OR person_id IS NOT NULL AND generation IS NOT NULL",
            name="device_code_person",
        ),
        schema="auth",
    )
    op.create_index("device_code_expires_at", "device_code", ["expires_at"], schema="auth")
    op.create_index("device_code_network", "device_code", ["network"], schema="auth")
    op.create_index("device_code_person", "device_code", ["person_id"], schema="auth")


def downgrade() -> None:
    op.drop_table("device_code", schema="auth")
