"""Departments, people, clients, signing keys, and what OAuth remembers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "auth"
TABLES = (
    "department",
    "person",
    "client",
    "signing_key",
    "revoked_token",
    "authorization_code",
    "refresh_token",
    "sign_in",
    "sign_in_failures",
    "client_assertion",
)


def upgrade() -> None:
    op.execute("CREATE SCHEMA auth")
    _registry()
    _keys()
    _codes()
    _sign_in()


def _registry() -> None:
    op.create_table(
        "department",
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("region_code", sa.String(), nullable=False),
        sa.Column("authority", sa.Boolean(), nullable=False),
        sa.Column("standing_consent", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('active', 'abolished')", name="department_status"),
        sa.PrimaryKeyConstraint("uscc"),
        schema=SCHEMA,
    )
    op.create_index("department_region_code", "department", ["region_code"], schema=SCHEMA)
    op.create_table(
        "person",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "('operator' = ANY (roles))::int + ('security' = ANY (roles))::int"
            " + ('auditor' = ANY (roles))::int < 2",
            name="person_separation",
        ),
        sa.CheckConstraint("status IN ('active', 'suspended')", name="person_status"),
        sa.ForeignKeyConstraint(["department"], ["auth.department.uscc"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("username"),
        schema=SCHEMA,
    )
    op.create_index("person_department", "person", ["department"], schema=SCHEMA)
    op.create_table(
        "client",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("auth_method", sa.String(), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(), nullable=True),
        sa.Column("jwks", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "auth_method = 'client_secret_basic' AND secret_digest IS NOT NULL AND jwks IS NULL"
            " OR auth_method = 'private_key_jwt' AND secret_digest IS NULL AND jwks IS NOT NULL",
            name="client_credential",
        ),
        sa.CheckConstraint("status IN ('active', 'suspended')", name="client_status"),
        sa.ForeignKeyConstraint(["department"], ["auth.department.uscc"]),
        sa.PrimaryKeyConstraint("client_id"),
        schema=SCHEMA,
    )
    op.create_index("client_department", "client", ["department"], schema=SCHEMA)


def _keys() -> None:
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("private", sa.LargeBinary(), nullable=False),
        sa.Column("public", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid"),
        schema=SCHEMA,
    )
    op.create_table(
        "revoked_token",
        sa.Column("jti", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("jti"),
        schema=SCHEMA,
    )
    op.create_index("revoked_token_expires_at", "revoked_token", ["expires_at"], schema=SCHEMA)


def _codes() -> None:
    op.create_table(
        "authorization_code",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("code_challenge", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["auth.person.id"]),
        sa.PrimaryKeyConstraint("digest"),
        schema=SCHEMA,
    )
    op.create_index(
        "authorization_code_expires_at", "authorization_code", ["expires_at"], schema=SCHEMA
    )
    op.create_table(
        "refresh_token",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("access_jti", sa.String(), nullable=False),
        sa.Column("access_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["auth.person.id"]),
        sa.PrimaryKeyConstraint("digest"),
        schema=SCHEMA,
    )
    op.create_index("refresh_token_expires_at", "refresh_token", ["expires_at"], schema=SCHEMA)
    op.create_index("refresh_token_family", "refresh_token", ["family"], schema=SCHEMA)
    op.create_index("refresh_token_person", "refresh_token", ["person_id"], schema=SCHEMA)


def _sign_in() -> None:
    op.create_table(
        "sign_in",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["auth.person.id"]),
        sa.PrimaryKeyConstraint("digest"),
        schema=SCHEMA,
    )
    op.create_index("sign_in_expires_at", "sign_in", ["expires_at"], schema=SCHEMA)
    op.create_index("sign_in_person", "sign_in", ["person_id"], schema=SCHEMA)
    op.create_table(
        "sign_in_failures",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        schema=SCHEMA,
    )
    op.create_index("sign_in_failures_last_at", "sign_in_failures", ["last_at"], schema=SCHEMA)
    op.create_table(
        "client_assertion",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("jti", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["auth.client.client_id"]),
        sa.PrimaryKeyConstraint("client_id", "jti"),
        schema=SCHEMA,
    )
    op.create_index(
        "client_assertion_expires_at", "client_assertion", ["expires_at"], schema=SCHEMA
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    op.execute("DROP SCHEMA auth")
