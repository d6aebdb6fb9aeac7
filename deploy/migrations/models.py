"""Every table of the project, for alembic and for the test that compares models and database."""

from importlib import import_module
from importlib.util import find_spec

from sqlmodel import SQLModel

SCHEMAS = frozenset({"kernel", "auth", "catalog", "exchange"})
MODULES = (
    "kernel.tables",
    "auth.tables",
    "catalog.tables",
    "exchange.applications.tables",
    "exchange.subscriptions.tables",
    "exchange.publishing.tables",
    "exchange.metering.rates.tables",
)

for name in MODULES:
    if find_spec(name) is not None:
        import_module(name)

metadata = SQLModel.metadata
