"""docs/errors.md names every code that a client may meet, with its status, and no other."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator

from kernel.errors import ShuyuanError
from tests.docs.pages import ROOT, quoted, rows, text

PACKAGES = ("kernel", "auth", "catalog", "exchange", "gateway")
# Their handlers name another status than that of their category.
APART = {"method_not_allowed": 405, "internal_error": 500}


def statuses() -> dict[str, int]:
    """Return code → status of every error class of the project."""
    for package in PACKAGES:
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, package + "."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    from gateway import problems  # noqa: PLC0415 - after the folder of the counters

    classes = [kind for kind in _below(ShuyuanError) if hasattr(kind, "code")]
    apart = {**APART, **problems.APART}
    return {kind.code: apart.get(kind.code, problems.STATUS[kind.category]) for kind in classes}


def _below(kind: type[ShuyuanError]) -> Iterator[type[ShuyuanError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def test_the_page_names_every_code_with_its_status_and_no_other() -> None:
    table = {
        quoted(row["code"]): int(row["status"])
        for row in rows(text("errors.md"), "code")
        if "status" in row
    }
    assert table == statuses()


def test_every_row_says_what_it_means() -> None:
    assert all(row["meaning"] for row in rows(text("errors.md"), "code"))


def test_the_page_names_every_code_of_a_field_and_no_other() -> None:
    told = {quoted(row["code"]) for row in rows(text("errors.md"), "code") if "status" not in row}
    assert told == field_codes()


def field_codes() -> set[str]:
    """Return the codes written in the sources, and those that tables of sentences hold."""
    from catalog.contracts import reasons  # noqa: PLC0415
    from gateway import validation  # noqa: PLC0415

    public = reasons._PUBLIC
    sentences = {public.get(code, code) for code in (*reasons._SENTENCES, *reasons._OF_RECORD)}
    spoken = {code for code, _text in (*validation.CODES.values(), validation.WRONG_TYPE)}
    return sentences | spoken | set(_written())


def _written() -> Iterator[str]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _makes_field_error(node):
                    code = node.args[1]
                    if isinstance(code, ast.Constant):
                        yield str(code.value)


def _makes_field_error(call: ast.Call) -> bool:
    """`FieldError(path, code, zh, en)` or `errors.add(path, code, zh, en)`."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return len(call.args) >= 4 and name in ("FieldError", "add")


def test_codes_that_every_client_may_rely_on_are_on_the_page() -> None:
    told = {quoted(row["code"]) for row in rows(text("errors.md"), "code")}
    contract = text("api.md").partition("Codes every client may rely on")[2].partition("## 2")[0]
    promised = set(contract.split("`")[1::2]) - {"earliest_cursor"}
    assert len(promised) > 40
    assert promised <= told
