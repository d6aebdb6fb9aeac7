"""Lineage: element ← source ← resources ← derived resources ← subscriptions, for one reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from auth.principal import Principal
from catalog import lineage as catalogue
from catalog.lineage import Lineage, Origin
from exchange.parties import audits, sides
from exchange.subscriptions import store as subscriptions
from exchange.subscriptions.store import Use
from kernel.database import ReadSession
from kernel.workdays import local_date

SUBSCRIPTIONS_MAX: Final = 2_000


class Node(NamedTuple):
    """A thing of the graph; `name_of` is the id of what gives it its name."""

    kind: str
    id: str
    name_of: str


class Edge(NamedTuple):
    """`kind`: provides, source_of, item_of, derived, granted, consumes; in the way data go."""

    origin: str
    to: str
    kind: str


@dataclass(frozen=True, slots=True)
class Graph:
    """`complete` is False where something was left out because it was too much."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    complete: bool


async def graph(
    session: ReadSession,
    principal: Principal,
    resource_id: str,
    depth: int,
    *,
    now: datetime,
    most: int = SUBSCRIPTIONS_MAX,
) -> Graph:
    """Return what surrounds a resource as far as the caller may see it; NotFound.

    Of the subscriptions that the caller sees at most `most` are told.
    """
    traced = await catalogue.trace(session, principal, resource_id, depth)
    origins = await catalogue.origins(session, traced)
    granted = await subscriptions.of_resources(
        session, list(traced.entries), local_date(now), SUBSCRIPTIONS_MAX
    )
    seen = [row for row in granted if _may_see(principal, row)]
    visible = seen[:most]
    nodes = {(node.kind, node.id): node for node in _nodes(traced, origins, visible)}
    edges = dict.fromkeys(_edges(traced, origins, visible))
    complete = traced.complete and len(granted) < SUBSCRIPTIONS_MAX and len(seen) <= most
    return Graph(list(nodes.values()), list(edges), complete)


def _may_see(principal: Principal, row: Use) -> bool:
    return bool(sides(principal, row)) or audits(principal, row)


def _nodes(traced: Lineage, origins: Sequence[Origin], granted: Sequence[Use]) -> list[Node]:
    nodes = []
    for entry in traced.entries.values():
        nodes.append(Node("resource", entry.id, entry.version.name))
        nodes.append(_department(entry.resource.department))
    for origin in origins:
        nodes.append(Node("element", origin.element, origin.element))
        if origin.source_id is not None and origin.department is not None:
            nodes.append(Node("source", origin.source_id, origin.department))
            nodes.append(_department(origin.department))
    for row in granted:
        nodes.append(Node("subscription", row.id, row.client_id))
        nodes.append(_department(row.consumer_department))
    return nodes


def _department(uscc: str) -> Node:
    return Node("department", uscc, uscc)


def _edges(traced: Lineage, origins: Sequence[Origin], granted: Sequence[Use]) -> list[Edge]:
    edges = [
        Edge(entry.resource.department, entry.id, "provides") for entry in traced.entries.values()
    ]
    for origin in origins:
        edges.append(Edge(origin.element, origin.resource_id, "item_of"))
        if origin.source_id is not None and origin.department is not None:
            edges.append(Edge(origin.department, origin.source_id, "provides"))
            edges.append(Edge(origin.source_id, origin.element, "source_of"))
    edges += [Edge(origin, derived, "derived") for origin, derived in sorted(traced.derivations)]
    for row in granted:
        edges.append(Edge(row.resource_id, row.id, "granted"))
        edges.append(Edge(row.id, row.consumer_department, "consumes"))
    return edges
