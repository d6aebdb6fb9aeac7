"""The demo's records: the statistical divisions of Guangxi (data/ORIGIN.md)."""

import csv
from pathlib import Path

FILE = Path(__file__).parent / "data" / "guangxi_divisions.csv"
COUNT = 18_091

Division = dict[str, str]


def divisions() -> list[Division]:
    """Return every row; an empty cell is no item of the record."""
    with FILE.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        return [{item: value for item, value in row.items() if value} for row in rows]
