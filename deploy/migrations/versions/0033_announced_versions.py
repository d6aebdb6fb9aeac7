"""Versions are announced to those who use the one in force, who accept them or object."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for name, kind in (
        ("announced_at", MOMENT),
        ("effective_on", sa.Date()),
        ("announce_reason", sa.String()),
        ("announce_basis", sa.String()),
    ):
        op.add_column("resource_version", sa.Column(name, kind), schema="catalog")
    op.add_column(
        "resource_version",
        sa.Column(
            "derived_from", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'")
        ),
        schema="catalog",
    )
    op.alter_column("resource_version", "derived_from", server_default=None, schema="catalog")
    op.create_index(
        "resource_version_derived",
        "resource_version",
        ["derived_from"],
        schema="catalog",
        postgresql_using="gin",
    )
    _disputes()
    _answers()


def _disputes() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about_id", sa.String(), nullable=False),
        sa.Column("about", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("claimant_department", sa.String(), nullable=False),
        sa.Column("respondent_department", sa.String(), nullable=False),
        sa.Column("claimant_region", sa.String(), nullable=False),
        sa.Column("respondent_region", sa.String(), nullable=False),
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("reply", sa.String()),
        sa.Column("replied_by", sa.String()),
        sa.Column("replied_at", MOMENT),
        sa.Column("decision", sa.String()),
        sa.Column("decision_reason", sa.String()),
        sa.Column("decided_by", sa.String()),
        sa.Column("decided_department", sa.String()),
        sa.Column("decided_at", MOMENT),
        sa.Column("closed_at", MOMENT),
        sa.Column("revision", sa.Integer(), nullable=False),
        *(
            sa.ForeignKeyConstraint([column], ["auth.department.uscc"])
            for column in (
                "claimant_department",
                "respondent_department",
                "decided_department",
            )
        ),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="dispute_decision"),
        schema="exchange",
    )
    op.create_index("dispute_about", "dispute", ["kind", "about_id"], schema="exchange")
    for party in ("claimant", "respondent"):
        op.create_index(
            f"dispute_{party}", "dispute", [f"{party}_department", "id"], schema="exchange"
        )
    op.create_table(
        "dispute_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("dispute_id", sa.String(), sa.ForeignKey("exchange.dispute.id"), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("from_state", sa.String()),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("department", sa.String()),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        schema="exchange",
    )
    op.create_index(
        "dispute_history_of", "dispute_history", ["dispute_id", "id"], schema="exchange"
    )


def _answers() -> None:
    op.create_table(
        "version_answer",
        sa.Column(
            "subscription_id",
            sa.String(),
            sa.ForeignKey("exchange.subscription.id"),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("resource_id", sa.String(), sa.ForeignKey("catalog.resource.id"), nullable=False),
        sa.Column("announced_at", MOMENT, nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("dispute_id", sa.String(), sa.ForeignKey("exchange.dispute.id")),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("answered_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "answer IN ('accepted', 'objected', 'filed')", name="version_answer_answer"
        ),
        schema="exchange",
    )
    op.create_index(
        "version_answer_resource", "version_answer", ["resource_id", "version"], schema="exchange"
    )


def downgrade() -> None:
    for table in ("version_answer", "dispute_history", "dispute"):
        op.drop_table(table, schema="exchange")
    op.drop_index("resource_version_derived", "resource_version", schema="catalog")
    for column in (
        "derived_from",
        "announced_at",
        "effective_on",
        "announce_reason",
        "announce_basis",
    ):
        op.drop_column("resource_version", column, schema="catalog")
