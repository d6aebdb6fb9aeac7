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


def upgrade(database: DatabaseAddress, revision: str = "head") -> int:
    """Apply what is missing, and return how many migrations that were.

    Raises LockNotAvailable when another writer holds a table too long.
    """
    settings, applied = config(database), list[object]()
    settings.attributes["applied"] = applied
    command.upgrade(settings, revision)
    return len(applied)
