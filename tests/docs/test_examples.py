"""Whatever how-tos, concepts and quick starts show can be typed: commands, requests, names.

Nothing is run: a shell reads the snippets, `shuyuan` parses its words, and requests are compared
with the OpenAPI document, down to the members of their bodies.
"""

import ast
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from tests.docs import command_line
from tests.docs.code_names import lost
from tests.docs.pages import DOCS, ROOT, blocks, headings, links
from tests.docs.requests import PLACEHOLDER, Request, faults
from tests.docs.shell import commands, request_of, unexpanded
from tests.docs.test_settings import NAME, ROWS

GUIDES = [
    path
    for folder in ("concepts", "how-to", "quick-start")
    for path in sorted((DOCS / folder).glob("*.md"))
]
READ_ALONE = [DOCS / name for name in ("architecture.md", "api.md", "topics.md", "states.md")]
ENGLISH = [path for path in GUIDES if path.with_suffix(".zh-CN.md").exists()]
CONCEPTS = [path for path in GUIDES if path.parent.name == "concepts"]
QUICK_STARTS = [path for path in GUIDES if path.parent.name == "quick-start"]
OF_THE_CONSOLE = [path for path in GUIDES if path.name.startswith("console-")]
METHODS = "GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE"
ROUTE = re.compile(rf"`(?:({METHODS}) )(/[^`?\s]*)(?:\?([^`\s]*))?`")
HTTP = re.compile(rf"^({METHODS}) (/[^?\s]*)(?:\?(\S*))?$", re.MULTILINE)


def named(path: Path) -> str:
    return path.relative_to(DOCS).as_posix()


def shown(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def snippets(path: Path) -> list[str]:
    """Return the blocks that are typed into a shell, without the indentation of lists."""
    return [outdented(code) for code in blocks(shown(path), "sh")]


def outdented(block: str) -> str:
    return re.sub(r"^ {3}", "", block, flags=re.MULTILINE)


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_a_shell_reads_every_snippet(path: Path) -> None:
    typed = "\n".join(snippets(path))
    assert command_line.shell_faults(typed) == []
    assert unexpanded(typed) == []


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_every_command_is_one_that_there_is(path: Path) -> None:
    for words in typed_in(path):
        match words:
            case [("shuyuan" | ".venv/bin/shuyuan"), *rest]:
                assert command_line.faults(rest) == []
            case ["python" | ".venv/bin/python", "-m", module, *_]:
                assert importlib.util.find_spec(module) is not None, module


def typed_in(path: Path) -> Iterator[list[str]]:
    for snippet in snippets(path):
        yield from commands(snippet)


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_every_call_of_curl_fits_the_api(path: Path, openapi: Mapping[str, Any]) -> None:
    for words in typed_in(path):
        if words[0] == "curl" and not words[-1].endswith("/metrics"):
            request = request_of(words)
            if not PLACEHOLDER.fullmatch(request.path):
                assert faults(request, openapi) == [], words


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_every_request_that_is_written_out_fits_the_api(
    path: Path, openapi: Mapping[str, Any]
) -> None:
    for block in map(outdented, blocks(shown(path), "http")):
        assert HTTP.match(block), block
        for request in written(block):
            assert faults(request, openapi) == [], request


def written(block: str) -> Iterator[Request]:
    """Yield the requests of a block: a first line, headers, an empty line and a body in JSON."""
    starts = [*HTTP.finditer(block)]
    for found, after in zip(starts, [*starts[1:], None], strict=True):
        rest = block[found.end() : after.start() if after else len(block)].strip()
        body = rest[rest.index("{") :] if "{" in rest else ""
        yield Request(found[1], found[2], names_of(found[3]), json.loads(body) if body else None)


def names_of(query: str | None) -> tuple[str, ...]:
    return tuple(re.findall(r"(?:^|&)(\w+)=?", query or ""))


@pytest.mark.parametrize("path", [*GUIDES, *READ_ALONE], ids=named)
def test_every_route_that_is_named_is_served(path: Path, openapi: Mapping[str, Any]) -> None:
    for method, route, query in ROUTE.findall(shown(path)):
        if "|" not in route and "{…}" not in route:
            assert faults(Request(method, route, names_of(query)), openapi) == []


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_programs_can_be_compiled(path: Path) -> None:
    for program in map(outdented, blocks(shown(path), "python")):
        ast.parse(program)


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_settings_and_code_are_called_by_their_names(path: Path) -> None:
    assert set(NAME.findall(shown(path))) - set(ROWS) - {"SHUYUAN_CLIENT"} == set()
    assert [each for each in lost(shown(path)) if "00NN" not in each] == []


@pytest.mark.parametrize("path", READ_ALONE, ids=named)
def test_pages_about_the_whole_name_code_that_there_is(path: Path) -> None:
    assert lost(shown(path)) == []


@pytest.mark.parametrize("path", ENGLISH, ids=named)
def test_both_languages_show_the_same(path: Path) -> None:
    english, chinese = shown(path), shown(path.with_suffix(".zh-CN.md"))
    assert headings(english) == headings(chinese)
    assert blocks(english) == blocks(chinese)
    assert ROUTE.findall(english) == ROUTE.findall(chinese)
    assert [language_free(link) for link in links(english)] == [
        language_free(link) for link in links(chinese)
    ]


def language_free(link: str) -> str:
    return link.replace(".zh-CN.md", ".md")


def test_every_concept_and_role_is_told_in_both_languages() -> None:
    english = {path for path in GUIDES if not path.name.endswith(".zh-CN.md")}
    by_role = {path for path in english if path.name.startswith("for-")}
    told = {path for path in english if path.parent.name != "how-to"} | by_role
    assert told <= set(ENGLISH)
    assert len(by_role) == 4


@pytest.mark.parametrize("path", CONCEPTS, ids=named)
def test_a_concept_fits_on_a_screen_and_a_half(path: Path) -> None:
    assert len(shown(path).splitlines()) <= 60
    assert len(shown(path)) <= 5000


def test_a_request_that_does_not_fit_is_found(openapi: Mapping[str, Any]) -> None:
    """The comparison itself: a wrong route, parameter, member and value, and one left out."""
    wrong = [
        Request("POST", "/v1/application"),
        Request("GET", "/v1/resources", ("query",)),
        Request("POST", "/v1/orders", (), {"department": "x", "violations": [], "text": "y"}),
        Request("POST", "/v1/resources/$R/submit", (), {"leader": "x"}),
        Request("POST", "/v1/disputes/{id}/decide", (), {"decision": "maybe", "reason": "x"}),
    ]
    assert all(faults(each, openapi) for each in wrong)


@pytest.fixture(scope="module")
def console() -> list[Message]:
    with (ROOT / "gateway/console/locale/en/console.po").open("rb") as file:
        return list(read_po(file))


@pytest.mark.parametrize("path", [*QUICK_STARTS, *OF_THE_CONSOLE], ids=named)
def test_what_is_pressed_is_on_the_pages(path: Path, console: Sequence[Message]) -> None:
    """What stands in quotation marks is a text of the console, in the language of the guide."""
    texts = {"chinese": {str(m.id) for m in console}, "english": {str(m.string) for m in console}}
    if path in OF_THE_CONSOLE:
        known = texts["chinese"] | texts["english"]
    else:
        known = texts["chinese" if path.name.endswith(".zh-CN.md") else "english"]
    assert set(re.findall(r"“([^”]*)”", shown(path))) <= known
