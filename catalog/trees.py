"""The catalogue as trees (分类、区划、部门), with how many entries in force lie below each node.

Everybody may see what is in force, so that the counts are the same for all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from auth import directory
from auth.regions import directory as regions
from auth.regions.codes import STATE, canonical
from auth.regions.register import find as find_division
from auth.regions.tree import ancestors, current
from catalog.rules.classes import name_of
from catalog.store import trees as store
from kernel.database import ReadSession

LISTED_MAX: Final = 1_000
# 类 1 digit, 项 3, 目 6, 细目 as many as it has (发改高技〔2017〕1272号).
CLASS_LEVELS: Final = (1, 3, 6)


class Tree(StrEnum):
    CLASS = "class"
    REGION = "region"
    DEPARTMENT = "department"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """`resources` are in force in it or below; of classes 类 and 项 have a name."""

    kind: Tree
    code: str
    name: str | None
    resources: int
    has_below: bool


@dataclass(frozen=True, slots=True)
class Nodes:
    """What lies below one node; not `complete` beyond LISTED_MAX."""

    items: list[Node]
    complete: bool


async def classes_in_use(session: ReadSession, most: int) -> Mapping[str, int]:
    """Return the classes that hold most entries in force, with how many; by code."""
    counts = Counter(await store.by_class(session, ""))
    return dict(sorted(counts.most_common(most)))


async def below(session: ReadSession, tree: Tree, parent: str | None) -> Nodes:
    """Return the children of a node, of the root without one; NotFound for an unknown division.

    Of the tree of departments the inner nodes are divisions, and the leaves their departments.
    """
    if tree is Tree.CLASS:
        nodes = _classes(await store.by_class(session, parent or ""), parent or "")
    else:
        above = STATE if parent is None else regions.get(canonical(parent)).code
        if tree is Tree.REGION:
            nodes = _divisions(await store.by_region(session), current(above))
        else:
            nodes = await _departments(session, current(above))
    return Nodes(nodes[:LISTED_MAX], len(nodes) <= LISTED_MAX)


def _classes(counts: Mapping[str, int], parent: str) -> list[Node]:
    digits = next((level for level in CLASS_LEVELS if level > len(parent)), None)
    total, deeper = Counter[str](), set[str]()
    for code, count in counts.items():
        if code == parent:
            continue
        child = code[:digits]
        total[child] += count
        deeper |= {child} if code != child else set()
    return [
        Node(
            kind=Tree.CLASS,
            code=code,
            name=name_of(code),
            resources=count,
            has_below=code in deeper,
        )
        for code, count in sorted(total.items())
    ]


def _divisions(counts: Mapping[str, int], parent: str) -> list[Node]:
    """Return the divisions right below one, whatever codes they were stored under."""
    total, deeper = Counter[str](), set[str]()
    for code, count in counts.items():
        path = (current(code), *ancestors(code))
        if parent not in path[1:]:
            continue
        child = path[path.index(parent) - 1]
        total[child] += count
        deeper |= {child} if path[0] != child else set()
    return [_division(code, count, code in deeper) for code, count in sorted(total.items())]


def _division(code: str, count: int, has_below: bool) -> Node:  # noqa: FBT001 - a field
    division = find_division(code)
    name = None if division is None else division.name
    return Node(kind=Tree.REGION, code=code, name=name, resources=count, has_below=has_below)


async def _departments(session: ReadSession, parent: str) -> list[Node]:
    """Return divisions with departments in or below them, and the departments of the parent."""
    active, counts = await directory.active(session), await store.by_department(session)
    by_region: Counter[str] = Counter()
    for each in active:
        by_region[each.region_code] += counts.get(each.uscc, 0)
    inner = [replace(each, has_below=True) for each in _divisions(by_region, parent)]
    here = [each for each in active if current(each.region_code) == parent]
    return [*inner, *_leaves(here, counts)]


def _leaves(departments: Iterable[directory.Active], counts: Mapping[str, int]) -> list[Node]:
    return [
        Node(
            kind=Tree.DEPARTMENT,
            code=each.uscc,
            name=each.name,
            resources=counts.get(each.uscc, 0),
            has_below=False,
        )
        for each in sorted(departments, key=lambda each: (each.name, each.uscc))
    ]
