"""`GET /v1/catalogue/tree`: classes, divisions and departments, a level at a time."""

from typing import Annotated

from fastapi import APIRouter, Query

from catalog import trees
from catalog.trees import Tree
from gateway.principal import CatalogReader
from gateway.services import Reading
from kernel.wire import Wire

router = APIRouter(prefix="/v1/catalogue", tags=["resources"])


class NodeView(Wire):
    """`resources` are in force in the node or below it; a node that `has_below` has children."""

    kind: Tree
    code: str
    name: str | None
    resources: int
    has_below: bool


class TreeView(Wire):
    """What lies right below `parent`; not `complete` beyond 1,000 nodes."""

    of: Tree
    parent: str | None
    items: list[NodeView]
    complete: bool


@router.get("/tree")
async def below(
    session: Reading,
    _: CatalogReader,
    of: Tree,
    parent: Annotated[
        str | None,
        Query(pattern="^[0-9]{1,20}$", description="上级分类或区划 / the class or division above"),
    ] = None,
) -> TreeView:
    """目录树：按分类、区划或部门逐级展开 / the catalogue as a tree, a level at a time."""
    found = await trees.below(session, of, parent)
    items = [NodeView.model_validate(each, from_attributes=True) for each in found.items]
    return TreeView(of=of, parent=parent, items=items, complete=found.complete)
