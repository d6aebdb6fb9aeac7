"""Every table of the project, for alembic and for the test that compares models and database."""

from importlib import import_module
from importlib.util import find_spec
from re import fullmatch

from sqlmodel import SQLModel

SCHEMAS = frozenset({"kernel", "auth", "catalog", "exchange"})
MODULES = (
    "kernel.tables",
    "auth.tables",
    "catalog.tables",
    "catalog.deadline_tables",
    "exchange.applications.tables",
    "exchange.subscriptions.tables",
    "exchange.disputes.tables",
    "exchange.announcements.tables",
    "exchange.publishing.tables",
    "exchange.delivery.tables",
    "exchange.metering.tables",
    "exchange.metering.rates.tables",
    "exchange.delivery.lookup.tables",
    "exchange.latest.tables",
    "exchange.stewardship.tables",
)

for name in MODULES:
    if find_spec(name) is not None:
        import_module(name)

metadata = SQLModel.metadata


def ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether alembic compares a thing: one of our schemas, and no part of a partitioned table."""
    if kind == "table":
        parts = r"(latest|predecessor|search_term|audit_event)_(\d+|first)"
        return fullmatch(parts, name or "") is None
    return kind != "schema" or name in SCHEMAS
