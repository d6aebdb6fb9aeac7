"""Reads the project's Markdown: tables, code blocks, headings, links."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
SEPARATOR = re.compile(r"\|[\s:|-]+\|?")
FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)
PIPE = "\x00"


def text(path: Path | str) -> str:
    """Return a page; a plain name is one of `docs`."""
    return (DOCS / path).read_text(encoding="utf-8")


def pages() -> list[Path]:
    """Return every Markdown page that a reader may meet."""
    return [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]


def rows(page: str, heading: str) -> list[Mapping[str, str]]:
    """Return the rows of every table whose first column has this heading."""
    return [row for row in _rows(page) if next(iter(row)) == heading]


def _rows(page: str) -> Iterator[Mapping[str, str]]:
    heads: list[str] = []
    for line in page.splitlines():
        if not line.startswith("|"):
            heads = []
        elif not heads:
            heads = _cells(line)
        elif not SEPARATOR.fullmatch(line):
            yield dict(zip(heads, _cells(line), strict=True))


def _cells(line: str) -> list[str]:
    escaped = line.replace("\\|", PIPE).strip().strip("|")
    return [cell.strip().replace(PIPE, "|") for cell in escaped.split("|")]


def quoted(cell: str) -> str:
    """Return what stands in the backticks of a cell, or nothing."""
    found = re.search(r"`([^`]*)`", cell)
    return found[1] if found else ""


def blocks(page: str, language: str = "") -> list[str]:
    """Return the code blocks, those of one language if it is named."""
    found = FENCE.findall(page)
    return [code for kind, code in found if language in ("", kind)]


def headings(page: str) -> list[int]:
    """Return the level of each heading, in order."""
    plain = FENCE.sub("", page)
    return [len(marks) for marks in re.findall(r"^(#+) ", plain, re.MULTILINE)]


def links(page: str) -> list[str]:
    """Return the targets of links to files, without their anchors."""
    plain = FENCE.sub("", page)
    targets = re.findall(r"\]\(([^)\s]+)\)", plain)
    return [target.partition("#")[0] for target in targets if "://" not in target]
