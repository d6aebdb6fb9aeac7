"""docs/settings.md names every setting of the code, with its default, and nothing else."""

import re
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from kernel.settings import Settings
from tests.docs.pages import ROOT, quoted, rows, text

PREFIX = "SHUYUAN" + "_"
NAME = re.compile(PREFIX + r"[A-Z][A-Z_]*[A-Z]")
FOLDERS = (
    "auth",
    "catalog",
    "client",
    "deploy",
    "exchange",
    "gateway",
    "kernel",
    "loadtests",
    "tests",
)
ROWS = {quoted(row["name"]): row for row in rows(text("settings.md"), "name")}


def in_the_code() -> set[str]:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    files += [ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / ".ci" / "run"]
    here = Path(__file__).parent
    found = {
        name
        for path in files
        if here not in path.parents
        for name in NAME.findall(path.read_text(encoding="utf-8"))
    }
    return found | {PREFIX + field.upper() for field in Settings.model_fields}


def test_the_page_names_every_setting_and_no_other() -> None:
    assert set(ROWS) == in_the_code()


def test_no_setting_stands_twice() -> None:
    assert len(ROWS) == len(rows(text("settings.md"), "name"))


def test_defaults_are_those_of_the_code() -> None:
    told = {name: quoted(ROWS[PREFIX + name.upper()]["default"]) for name in Settings.model_fields}
    assert told == {name: default(field) for name, field in Settings.model_fields.items()}


def test_every_page_speaks_of_settings_that_exist() -> None:
    spoken = {name for page in ("api.md", "cli.md") for name in NAME.findall(text(page))}
    assert spoken <= set(ROWS)


def default(field: FieldInfo) -> str:
    """An empty default, and one that the machine decides, is not a value to tell."""
    return "" if field.default in (PydanticUndefined, None) else str(field.default)
