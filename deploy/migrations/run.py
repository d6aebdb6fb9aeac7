"""Brings a database to the newest schema; safe to repeat and to run from two places at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from kernel.database_access import DatabaseAddress

HERE = Path(__file__).parent


def config(database: DatabaseAddress) -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(HERE))
    settings.set_main_option("path_separator", "os")
    settings.attributes["database"] = database
    return settings


def upgrade(database: DatabaseAddress, revision: str = "head") -> None:
    """Apply what is missing; LockNotAvailable when another writer holds a table too long."""
    command.upgrade(config(database), revision)
