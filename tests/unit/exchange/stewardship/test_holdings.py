"""What becomes of a merged department's rows is decided for every column that names one."""

from importlib import import_module
from pathlib import Path

import exchange
from deploy.migrations.models import metadata
from exchange.stewardship.holdings import BY_RULE, FOLLOWING, HISTORY


def _columns_of_departments() -> set[str]:
    """Return the columns that name a department, by their name or by their foreign key."""
    root = Path(next(iter(exchange.__path__))).parent
    for path in (root / "exchange").rglob("tables.py"):
        import_module(".".join(path.relative_to(root).with_suffix("").parts))
    found = set()
    for table in metadata.tables.values():
        for column in table.columns:
            named = column.name == "department" or column.name.endswith("_department")
            keys = {key.target_fullname for key in column.foreign_keys}
            if named or "auth.department.uscc" in keys:
                found.add(f"{table.schema}.{table.name}.{column.name}")
    return found


def test_every_column_that_names_a_department_is_decided() -> None:
    """A new one goes into `exchange/stewardship/holdings.py`: it follows, or it is history."""
    following = {holding.name for holding in FOLLOWING}
    decided = [*following, *BY_RULE, *HISTORY]
    assert len(decided) == len(set(decided))
    assert _columns_of_departments() == set(decided)


def test_a_holding_is_written_from_the_old_to_the_new() -> None:
    for holding in FOLLOWING:
        assert ":old" in holding.statement()
        assert ":new" in holding.statement()
