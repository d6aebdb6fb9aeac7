"""Brings a database to the newest schema; safe to repeat and to run from two places at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config

HERE = Path(__file__).parent


def config(database_url: str) -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(HERE))
    settings.set_main_option("path_separator", "os")
    settings.attributes["database_url"] = database_url
    return settings


def upgrade(database_url: str, revision: str = "head") -> None:
    """Apply what is missing; LockNotAvailable when another writer holds a table too long."""
    command.upgrade(config(database_url), revision)
