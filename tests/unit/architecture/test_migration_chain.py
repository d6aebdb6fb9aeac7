"""Migrations are one chain, each number taken once: two of one number leave one of them out."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
VERSIONS = sorted((ROOT / "deploy" / "migrations" / "versions").glob("*.py"))
REVISION = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
BEFORE = re.compile(r'^down_revision = (?:"(\w+)"|None)$', re.MULTILINE)


def test_each_file_has_its_own_number_and_follows_the_one_before() -> None:
    before: str | None = None
    for place, path in enumerate(VERSIONS, 1):
        text = path.read_text(encoding="utf-8")
        [number], [follows] = REVISION.findall(text), BEFORE.findall(text)
        assert number == path.name.partition("_")[0] == f"{place:04}", path.name
        assert follows == (before or ""), f"{path.name} does not follow {before}"
        before = number
