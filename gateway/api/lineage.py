"""`GET /v1/resources/{id}/lineage`: where data come from and where they go."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from auth import directory
from auth.principal import Principal
from catalog import directory as catalogue
from exchange.stewardship import lineage
from exchange.stewardship.lineage import Graph, Node
from gateway.api.resources import ResourceId
from gateway.principal import CatalogReader
from gateway.services import Reading
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Wire

router = APIRouter(prefix="/v1/resources", tags=["resources"])

DEPTH_MAX = 5


class NodeView(Wire):
    """A source is named by its department, a subscription by its application system."""

    id: str
    kind: Literal["element", "source", "resource", "subscription", "department"]
    name: str | None


class EdgeView(Wire):
    """In the way that data go."""

    origin: Annotated[str, Field(serialization_alias="from")]
    to: str
    kind: Literal["provides", "source_of", "item_of", "derived", "granted", "consumes"]


class LineageView(Wire):
    """`complete` is false where more was there than one answer holds."""

    nodes: list[NodeView]
    edges: list[EdgeView]
    complete: bool


@router.get("/{resource_id}/lineage")
async def find(
    resource_id: ResourceId,
    session: Reading,
    principal: CatalogReader,
    depth: Annotated[int, Query(ge=1, le=DEPTH_MAX)] = 2,
) -> LineageView:
    """数据血缘，上下游各 depth 级 / up and down so many derivations; others' are absent."""
    return await told(session, principal, resource_id, depth)


async def told(
    session: ReadSession,
    principal: Principal,
    resource_id: str,
    depth: int,
    most: int = lineage.SUBSCRIPTIONS_MAX,
) -> LineageView:
    """Return the lineage, with at most so many subscriptions."""
    found = await lineage.graph(session, principal, resource_id, depth, now=clock.now(), most=most)
    names = await _names(session, found)
    nodes = [{"id": each.id, "kind": each.kind, "name": names(each)} for each in found.nodes]
    edges = [edge._asdict() for edge in found.edges]
    return LineageView.model_validate({"nodes": nodes, "edges": edges, "complete": found.complete})


async def _names(session: ReadSession, found: Graph) -> Callable[[Node], str | None]:
    """Return what names a node, each kind looked up at once; a resource brings its name."""
    wanted: dict[str, set[str]] = {}
    for node in found.nodes:
        wanted.setdefault(node.kind, set()).add(node.name_of)
    departments = wanted.get("department", set()) | wanted.get("source", set())
    of_departments = await directory.departments(session, departments)
    known: Mapping[str, Mapping[str, str]] = {
        "department": of_departments,
        "source": of_departments,
        "element": await catalogue.elements(session, wanted.get("element", set())),
        "subscription": await directory.clients(session, wanted.get("subscription", set())),
    }

    def name(node: Node) -> str | None:
        return node.name_of if node.kind == "resource" else known[node.kind].get(node.name_of)

    return name
