"""Finds modules, and functions in them, that pages name."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.docs.pages import ROOT

FOLDERS = "auth|catalog|client|deploy|exchange|gateway|kernel|loadtests|tests"
MODULE = re.compile(rf"(?<![\w/.-])((?:{FOLDERS})/[\w/]+\.py)(?:::([\w.]+))?")
FOLDER = re.compile(rf"`((?:{FOLDERS})(?:/[\w-]+)*)/?`")


@cache
def definitions(file: str) -> frozenset[str]:
    """Return the names that a module defines: functions, classes, `Class.method`, constants."""
    return frozenset(_names(ast.parse((ROOT / file).read_text(encoding="utf-8")).body, ""))


def _names(nodes: list[ast.stmt], before: str) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield before + node.name
        if isinstance(node, ast.ClassDef):
            yield from _names(node.body, f"{before}{node.name}.")
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (before + each.id for each in targets if isinstance(each, ast.Name))


def lost(page: str) -> list[str]:
    """Return the modules, functions and folders that a page names and that are not there."""
    found = [file if not name else f"{file}::{name}" for file, name in MODULE.findall(page)]
    gone = [each for each in found if not _is_there(*each.split("::"))]
    return gone + [each for each in FOLDER.findall(page) if not (ROOT / each).is_dir()]


def _is_there(file: str, name: str = "") -> bool:
    return (ROOT / file).is_file() and (not name or name in definitions(file))
