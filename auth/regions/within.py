"""The tree of divisions as a condition of SQL, for the columns of every package."""

from typing import Any

from sqlalchemy import ColumnElement, or_

from auth.regions.tree import prefixes


def within(column: Any, region_code: str) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    """Return that a column of codes names the division or one below it, under whatever code."""
    return or_(*(column.like(f"{code}%") for code in prefixes(region_code)))
