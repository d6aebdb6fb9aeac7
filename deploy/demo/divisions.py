"""The demo's records: the statistical divisions of Guangxi (auth/regions/data/ORIGIN.md)."""

import csv

from auth.regions.register import DIVISIONS

__all__ = ["COUNT", "DIVISIONS", "divisions"]

COUNT = 18_091

Division = dict[str, str]


def divisions() -> list[Division]:
    """Return every row; an empty cell is no item of the record."""
    with DIVISIONS.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        return [{item: value for item, value in row.items() if value} for row in rows]
