"""目录树: the catalogue by class, division or department, a level at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter

from auth.regions import directory as regions
from auth.regions.codes import canonical
from auth.regions.register import find as find_division
from auth.regions.tree import ancestors, current
from catalog import trees
from catalog.trees import CLASS_LEVELS, Node, Tree
from gateway.console.pages import page
from gateway.console.visit import Visit

router = APIRouter()
# How the list of entries is narrowed to a node.
FILTERS: Final[Mapping[str, str]] = {
    Tree.CLASS: "class",
    Tree.REGION: "region_code",
    Tree.DEPARTMENT: "department",
}


@dataclass(frozen=True, slots=True)
class TreePage:
    """`above` are the nodes on the way down, each with its name.

    `filters` are the parameters by which the list of entries is narrowed to a node of a kind.
    """

    of: str
    above: Sequence[tuple[str, str]]
    nodes: Sequence[Node]
    complete: bool
    filters: Mapping[str, str]


@page(router, "/console/catalogue/tree", "tree.html")
async def tree(visit: Visit) -> TreePage:
    asked, parent = visit.query("of"), visit.query("parent")
    of = Tree(asked) if asked in set(Tree) else Tree.REGION
    parent = parent if parent and parent.isascii() and parent.isdigit() else None
    async with visit.reading() as session:
        found = await trees.below(session, of, parent)
    return TreePage(str(of), _above(of, parent), found.items, found.complete, FILTERS)


def _above(of: Tree, parent: str | None) -> list[tuple[str, str]]:
    if parent is None:
        return []
    if of is Tree.CLASS:
        digits = [level for level in (*CLASS_LEVELS, len(parent)) if level <= len(parent)]
        return [(code, code) for code in dict.fromkeys(parent[:level] for level in digits)]
    code = current(regions.get(canonical(parent)).code)
    divisions = map(find_division, reversed((code, *ancestors(code))))
    return [(each.code, each.name) for each in divisions if each is not None]
