"""Classes of what is published, by an index alone: the catalogue as a tree counts them."""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

SCHEMA, TABLE, INDEX = "catalog", "resource_version", "resource_version_published_class"


def upgrade() -> None:
    where = sa.text("state = 'published'")
    op.create_index(INDEX, TABLE, ["class_code"], schema=SCHEMA, postgresql_where=where)


def downgrade() -> None:
    op.drop_index(INDEX, TABLE, schema=SCHEMA)
