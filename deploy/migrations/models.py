"""Every table of the project, for alembic and for the test that compares models and database."""

from importlib import import_module
from pathlib import Path
from re import fullmatch

from sqlmodel import SQLModel

SCHEMAS = frozenset({"kernel", "auth", "catalog", "exchange"})
ROOT = Path(__file__).parents[2]
# Whoever adds tables names their module `tables` or `…_tables`, and is found.
for path in sorted(each for schema in SCHEMAS for each in (ROOT / schema).rglob("*tables.py")):
    import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))

metadata = SQLModel.metadata


def ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether alembic compares a thing: one of our schemas, and no part of a partitioned table."""
    if kind == "table":
        parts = r"(latest|predecessor|search_term|audit_event)_(\d+|first)"
        return fullmatch(parts, name or "") is None
    return kind != "schema" or name in SCHEMAS
