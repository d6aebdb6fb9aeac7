"""Lists as workbooks: what the tables of a page show, read from the page itself; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

BLANKS: Final = re.compile(r"\s+")
# What a table holds to act with, and nobody reads.
ACTS: Final = frozenset({"details", "form", "select", "script", "svg"})


@dataclass(slots=True)
class Table:
    """One table of a page; every row is as wide as its headings."""

    headings: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def shown(self) -> "Table":
        """Return the table without columns that hold nothing in any row."""
        width = range(len(self.headings))
        kept = [column for column in width if any(row[column] for row in self.rows)]
        return Table(
            [self.headings[column] for column in kept],
            [[row[column] for column in kept] for row in self.rows],
        )


class _Reader(HTMLParser):
    """Takes the tables of a page apart; what stands in acts is passed over."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[Table] = []
        self._rows: list[list[str]] = []
        self._row: list[str] | None = None
        self._words: list[str] | None = None
        self._heads = 0
        self._acts = 0
        self.feed(html)

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTS:
            # A form may hold a whole list.
            self._acts += self._words is not None
        elif tag == "table":
            self._rows, self._heads = [], 0
        elif tag == "tr":
            self._row = []
        elif tag in ("td", "th"):
            self._words = []
            self._heads += tag == "th" and not self._rows
        elif tag == "br" and self._words is not None:
            self._words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ACTS:
            self._acts -= self._words is not None
        elif tag in ("td", "th") and self._words is not None and self._row is not None:
            self._row.append(BLANKS.sub(" ", "".join(self._words)).strip())
            self._words = None
        elif tag == "tr" and self._row is not None:
            self._rows.append(self._row)
            self._row = None
        elif tag == "table" and self._heads:
            self._take()

    def handle_data(self, data: str) -> None:
        if self._words is not None and not self._acts:
            self._words.append(data)

    def _take(self) -> None:
        headings, *rows = self._rows
        wide = len(headings)
        padded = [[*row, *[""] * wide][:wide] for row in rows]
        self.tables.append(Table(headings, padded))


def first(html: str) -> Table | None:
    """Return the first table of a page that has headings."""
    return next(iter(_Reader(html).tables), None)


def joined(pages: Sequence[Table]) -> Table:
    """Return the rows of all pages of a list in one table."""
    together = Table(pages[0].headings, [row for page in pages for row in page.rows])
    return together.shown()
