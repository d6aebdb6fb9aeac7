"""The READMEs tell commands, paths, tests and files that exist, the same in both languages."""

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.command_line import resolved
from tests.docs.pages import READMES, ROOT, blocks, headings, links, pages, quoted, rows, text

ENGLISH, CHINESE = (path.read_text(encoding="utf-8") for path in READMES)
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
PROMISES = [f"P{number}" for number in range(1, 14)]


def make_targets() -> set[str]:
    told = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return set(re.findall(r"^ +make ([\w-]+)", told.stdout, re.MULTILINE))


def shell_lines(page: str) -> Iterator[str]:
    for block in blocks(page, "sh"):
        yield from block.replace("\\\n", " ").splitlines()


def test_every_make_target_is_told_and_every_told_one_exists() -> None:
    told = set(re.findall(r"\bmake ([a-z][\w-]*)", ENGLISH + CONTRIBUTING))
    assert told == make_targets()


def test_every_page_names_make_targets_that_exist() -> None:
    not_yet = {"bench", "bench-quick"}
    for page in pages():
        named = set(re.findall(r"`make ([a-z][\w-]*)", page.read_text(encoding="utf-8")))
        assert named <= make_targets() | not_yet, page


@pytest.mark.parametrize("page", READMES, ids=lambda path: path.name)
def test_commands_of_the_command_line_exist(page: Path) -> None:
    called = [
        line.partition(".venv/bin/shuyuan ")[2]
        for line in shell_lines(page.read_text(encoding="utf-8"))
        if ".venv/bin/shuyuan " in line
    ]
    assert len(called) >= 5
    for arguments in called:
        words = shlex.split(arguments.rstrip(")"))
        command, rest = resolved(words)
        options = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= options, arguments


@pytest.mark.parametrize("page", READMES, ids=lambda path: path.name)
def test_paths_that_curl_asks_for_are_in_openapi(page: Path, openapi: dict[str, Any]) -> None:
    lines = "\n".join(shell_lines(page.read_text(encoding="utf-8")))
    asked = re.findall(r'curl -\w+ "\$SHUYUAN_BASE_URL(/[^"?]*)', lines)
    assert len(asked) == lines.count("curl ") > 3
    known = {re.sub(r"{[^}]*}", "{}", path) for path in openapi["paths"]}
    assert {re.sub(r"\$\w+", "{}", path) for path in asked} <= known


def test_both_languages_have_the_same_headings() -> None:
    assert headings(ENGLISH) == headings(CHINESE)


def test_both_languages_have_the_same_commands() -> None:
    assert blocks(ENGLISH) == blocks(CHINESE)
    assert len(blocks(ENGLISH)) == 5


def test_both_languages_have_the_same_tables_and_links() -> None:
    assert [quoted(row["folder"]) for row in rows(ENGLISH, "folder")] == [
        quoted(row["目录"]) for row in rows(CHINESE, "目录")
    ]
    assert TEST.findall(ENGLISH) == TEST.findall(CHINESE)
    assert [in_chinese(link) for link in links(ENGLISH)[1:]] == links(CHINESE)[1:]


def in_chinese(link: str) -> str:
    """Each page leads to the pages of its own language, where there are any."""
    translated = link.removesuffix(".md") + ".zh-CN.md"
    return translated if (ROOT / translated).is_file() else link


@pytest.mark.parametrize("page", READMES, ids=lambda path: path.name)
def test_every_promise_names_its_test(page: Path) -> None:
    promised = rows(page.read_text(encoding="utf-8"), "")
    assert [row[""] for row in promised] == PROMISES
    assert all(TEST.search(" ".join(row.values())) for row in promised)


@pytest.mark.parametrize("page", READMES, ids=lambda path: path.name)
def test_speed_is_told_as_it_was_measured(page: Path) -> None:
    """Each figure of the first page stands, rounded, among the targets of the last benchmark."""
    last = (ROOT / "loadtests" / "README.md").read_text(encoding="utf-8")
    targets = last.partition("### Targets")[2].partition("###")[0]
    measured = [float(each) for each in re.findall(r"(\d+(?:\.\d+)?)(?:%| µs| ms| times)", targets)]
    whole = page.read_text(encoding="utf-8")
    told = re.findall(r"(\d+(?:\.\d+)?) (?:%|µs|微秒|ms|毫秒|times less)|1/(\d+\.\d+)", whole)
    figures = [one or other for one, other in told]
    assert len(figures) == 6
    for each in figures:
        decimals = len(each.partition(".")[2])
        assert float(each) in {round(number, decimals) for number in measured}, each


def test_architecture_says_where_each_promise_is_built_and_tested() -> None:
    promised = [row for row in rows(text("architecture.md"), "") if "built in" in row]
    assert [row[""] for row in promised] == PROMISES
    assert all(TEST.search(row["test"]) for row in promised)


def test_folders_are_those_of_the_project() -> None:
    for row in rows(ENGLISH, "folder"):
        assert (ROOT / quoted(row["folder"])).is_dir()


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_named_tests_exist(page: Path) -> None:
    for file, name in TEST.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / file).is_file(), file
        assert not name or name in functions(ROOT / file), f"{file}::{name}"


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_page_of_the_documentation_is_reachable() -> None:
    linked = {
        (page.parent / target).resolve()
        for page in pages()
        for target in links(page.read_text(encoding="utf-8"))
    }
    assert {page for page in pages() if page.resolve() not in linked} <= {ROOT / "README.md"}
