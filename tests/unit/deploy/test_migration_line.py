"""Migrations stand in one line: two that were numbered alike kept every platform from starting."""

import re
from pathlib import Path

import pytest

VERSIONS = Path(__file__).parents[3] / "deploy" / "migrations" / "versions"
SAID = re.compile(r'^(revision|down_revision) = "?(\w+)"?$', re.MULTILINE)
FILES = sorted(VERSIONS.glob("[0-9]*.py"))


def said(file: Path) -> dict[str, str]:
    return dict(SAID.findall(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("number", "file"), [*enumerate(FILES, start=1)], ids=lambda it: getattr(it, "name", "")
)
def test_each_migration_follows_the_one_before_it(number: int, file: Path) -> None:
    revision = f"{number:04d}"
    assert file.name.startswith(revision)
    before = f"{number - 1:04d}" if number > 1 else "None"
    assert said(file) == {"revision": revision, "down_revision": before}
