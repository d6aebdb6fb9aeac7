"""The open catalogue as anybody else's program reads it: DCAT by rdflib, without a token."""

import httpx
from rdflib import DCAT, DCTERMS, FOAF, RDF, Graph, Literal, Namespace
from rdflib.term import Node

from deploy.demo.cast import RESOURCE, STATISTICS
from deploy.demo.proof import require
from deploy.demo.stage import Stage

HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
WAIT_SECONDS = 30.0
LANGUAGE = "zh"


def read(stage: Stage) -> int:
    """Return how many datasets there are; prove that the demo's own is one, by whom, how."""
    graph = _whole(stage.base_url)
    datasets = set(graph.subjects(RDF.type, DCAT.Dataset))
    named = set(graph.subjects(DCTERMS.title, Literal(RESOURCE["name"], LANGUAGE)))
    found = named & datasets
    require(
        len(found) == 1,
        f"开放目录中应有一个《{RESOURCE['name']}》，实有 {len(found)} 个",
        f"the open catalogue should list the resource once, found {len(found)}",
    )
    _prove(graph, found.pop())
    return len(datasets)


def _whole(base_url: str) -> Graph:
    """Follow hydra:next from page to page into one graph."""
    graph, url = Graph(), f"{base_url}/catalog.ttl"
    with httpx.Client(timeout=WAIT_SECONDS) as http:
        while url:
            page = Graph().parse(data=http.get(url).raise_for_status().text, format="turtle")
            graph += page
            url = str(next(page.objects(None, HYDRA.next), ""))
    return graph


def _prove(graph: Graph, dataset: Node) -> None:
    publishers = {
        str(name)
        for publisher in graph.objects(dataset, DCTERMS.publisher)
        for name in graph.objects(publisher, FOAF.name)
    }
    files = list(graph.objects(dataset, DCAT.distribution))
    require(
        STATISTICS.name in publishers and bool(files),
        f"数据集应由{STATISTICS.name}发布并可下载，实为 {publishers}，{len(files)} 种",
        f"the dataset should be Statistics' and downloadable: {publishers}, {len(files)} files",
    )
