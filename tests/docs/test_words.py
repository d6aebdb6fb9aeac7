"""What the repository says of itself: no machine's paths, no registry's address, no lost page."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

# Each in two halves, so that this file is not one of those that it looks for.
FORBIDDEN = tuple(
    "".join(halves)
    for halves in (
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("/Us", "ers/"),
        ("/tm", "p/"),
        ("pypi", ".org"),
        ("python", "hosted"),
        ("repo1", ".maven"),
        ("maven.apache", ".org"),
        ("npm", "js"),
    )
)
CITED = re.compile(r"(?<![\w./-])(?:docs/)?((?:[\w-]+/)*[\w-]+\.md)")
DECISION = re.compile(r"(?:ADR |docs/adr/)(\d{4})")
CODE = (".py", ".toml", ".html", ".mako")


def tracked() -> list[Path]:
    """Return the files under version control, and those about to be; all, where there is none."""
    if not (ROOT / ".git").exists():
        visible = (path for path in ROOT.rglob("*") if ".venv" not in path.parts)
        return [path for path in visible if path.is_file() and path.suffix != ".pyc"]
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, timeout=120).stdout
    paths = [ROOT / name.decode() for name in names.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_file_names_a_machines_path_or_a_registry() -> None:
    found = [
        (path.relative_to(ROOT).as_posix(), word)
        for path in tracked()
        for word in FORBIDDEN
        if word in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert found == []


# Written by a load test, and not kept.
MADE = {"bench.md", "latest.md", "faults.md", "profile.md", "soak.md"}


def test_pages_that_the_code_cites_exist() -> None:
    lost = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in tracked()
        if path.suffix in CODE
        for name in CITED.findall(path.read_text(encoding="utf-8"))
        if name not in MADE
        and not any((folder / name).exists() for folder in (ROOT, DOCS, path.parent))
        and not (ROOT / "deploy" / "demo" / name).exists()
    }
    assert lost == set()


def test_decisions_that_are_cited_exist() -> None:
    kept = {path.name[:4] for path in (DOCS / "adr").glob("[0-9]*.md")}
    for path in tracked():
        if path.suffix in (*CODE, ".md") and path.stem != "template":
            cited = set(DECISION.findall(path.read_text(encoding="utf-8")))
            assert cited <= kept, path


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    files = sorted(path.name for path in (DOCS / "adr").glob("[0-9]*.md"))
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
    listed = (DOCS / "adr" / "README.md").read_text(encoding="utf-8")
    assert all(f"({name})" in listed for name in files)


@pytest.mark.parametrize("path", sorted((DOCS / "adr").glob("[0-9]*.md")), ids=lambda p: p.name)
def test_a_decision_has_its_number_status_and_parts(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert page.startswith(f"# {path.name[:4]} ")
    assert "**Status**:" in page
    assert all(f"## {part}" in page for part in ("Context", "Decision", "Consequences"))
