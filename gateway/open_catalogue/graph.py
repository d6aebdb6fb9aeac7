"""The open catalogue as DCAT-AP 3, paged by Hydra; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Final, Literal

import rdflib
from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, XSD, Graph, URIRef
from rdflib.term import Node

from catalog.open_data import OpenEntry, OpenPage
from gateway.open_catalogue.vocabulary import (
    CHINESE,
    CLASSES,
    DESCRIPTION,
    ENGLISH,
    FREQUENCY,
    HYDRA,
    PUBLIC,
    PUBLISHER,
    TITLE,
    VERSION,
)

IANA: Final = "https://www.iana.org/assignments/media-types/"
FILES: Final = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
"""Formats that the records of an entry can be downloaded in, with their media types."""
Syntax = Literal["turtle", "json-ld"]
# A page takes a thread 100 to 300 ms the first time that it is asked for.
PAGE_SIZE: Final = 100
PAGES_KEPT: Final = 16
_PREFIXES: Final = {
    "dcat": DCAT,
    "dct": DCTERMS,
    "foaf": FOAF,
    "hydra": HYDRA,
    "skos": SKOS,
    "xsd": XSD,
}


@dataclass(frozen=True, slots=True)
class Site:
    """Where the catalogue stands, and the licence of what is in it."""

    base_url: str
    licence: str

    @property
    def catalogue(self) -> URIRef:
        return URIRef(f"{self.base_url}/catalog")

    def part(self, kind: str, code: str) -> URIRef:
        return URIRef(f"{self.base_url}/catalog#{kind}-{code}")

    def entry(self, entry_id: str) -> URIRef:
        """Return the page about an entry."""
        return URIRef(f"{self.base_url}/open/{entry_id}")

    def file(self, entry_id: str, suffix: str) -> URIRef:
        """Return where an entry's records are downloaded."""
        return URIRef(f"{self.entry(entry_id)}.{suffix}")

    def dataset(self, entry_id: str) -> URIRef:
        return URIRef(f"{self.entry(entry_id)}#dataset")


@lru_cache(PAGES_KEPT)
def written(site: Site, page: OpenPage, syntax: Syntax) -> bytes:
    """Return one page; the same page is written once."""
    graph = graph_of(site, page, "jsonld" if syntax == "json-ld" else "ttl")
    if syntax == "turtle":
        return graph.serialize(format=syntax, encoding="utf-8")
    context = {prefix: str(space) for prefix, space in _PREFIXES.items()}
    return graph.serialize(format=syntax, encoding="utf-8", context=context, auto_compact=True)


def graph_of(site: Site, page: OpenPage, suffix: str) -> Graph:
    graph = Graph()
    for prefix, space in _PREFIXES.items():
        graph.bind(prefix, space)
    _catalogue(graph, site, page)
    _paging(graph, site, page, suffix)
    for entry in page.entries:
        _dataset(graph, site, entry)
    return graph


def _catalogue(graph: Graph, site: Site, page: OpenPage) -> None:
    catalogue, publisher = site.catalogue, site.part("publisher", "platform")
    _say(graph, catalogue, [
        (RDF.type, DCAT.Catalog), (DCTERMS.publisher, publisher),
        (DCTERMS.language, CHINESE), (DCTERMS.language, ENGLISH),
        (DCTERMS.license, URIRef(site.licence)), (FOAF.homepage, URIRef(f"{site.base_url}/open")),
    ])  # fmt: skip
    _both(graph, catalogue, DCTERMS.title, TITLE)
    _both(graph, catalogue, DCTERMS.description, DESCRIPTION)
    _say(graph, publisher, [(RDF.type, FOAF.Agent)])
    _both(graph, publisher, FOAF.name, PUBLISHER)
    for language in (CHINESE, ENGLISH):
        _say(graph, language, [(RDF.type, DCTERMS.LinguisticSystem)])
    _say(graph, URIRef(site.licence), [(RDF.type, DCTERMS.LicenseDocument)])
    _say(graph, URIRef(f"{site.base_url}/open"), [(RDF.type, FOAF.Document)])
    for entry in page.entries:
        graph.add((catalogue, DCAT.dataset, site.dataset(entry.id)))
    if page.entries:
        newest = max(entry.published_at for entry in page.entries)
        graph.add((catalogue, DCTERMS.modified, rdflib.Literal(newest)))


def _paging(graph: Graph, site: Site, page: OpenPage, suffix: str) -> None:
    last = max(1, ceil(page.total / PAGE_SIZE))
    steps = [(HYDRA.first, 1), (HYDRA.last, last)]
    steps += [(HYDRA.previous, page.number - 1)] if page.number > 1 else []
    steps += [(HYDRA.next, page.number + 1)] if page.number < last else []
    view = _page(site, page.number, suffix)
    _say(graph, site.catalogue, [
        (RDF.type, HYDRA.Collection), (HYDRA.view, view),
        (HYDRA.totalItems, rdflib.Literal(page.total, datatype=XSD.integer)),
    ])  # fmt: skip
    _say(graph, view, [(RDF.type, HYDRA.PartialCollectionView)])
    for step, number in steps:
        graph.add((view, step, _page(site, number, suffix)))


def _page(site: Site, number: int, suffix: str) -> URIRef:
    return URIRef(f"{site.base_url}/catalog.{suffix}?page={number}")


def _dataset(graph: Graph, site: Site, entry: OpenEntry) -> None:
    dataset, page = site.dataset(entry.id), site.entry(entry.id)
    cycle = FREQUENCY[entry.update_cycle]
    _say(graph, dataset, [
        (RDF.type, DCAT.Dataset),
        (DCTERMS.title, rdflib.Literal(entry.name, lang="zh")),
        (DCTERMS.description, rdflib.Literal(entry.abstract, lang="zh")),
        (DCTERMS.identifier, rdflib.Literal(entry.id)),
        (VERSION, rdflib.Literal(str(entry.version))),
        (DCTERMS.issued, rdflib.Literal(entry.created_at)),
        (DCTERMS.modified, rdflib.Literal(entry.published_at)),
        (DCTERMS.language, CHINESE),
        (DCTERMS.license, URIRef(site.licence)),
        (DCTERMS.publisher, _publisher(graph, site, entry)),
        (DCTERMS.accrualPeriodicity, _typed(graph, cycle, DCTERMS.Frequency)),
        (DCTERMS.accessRights, _typed(graph, PUBLIC, DCTERMS.RightsStatement)),
        (DCTERMS.spatial, _region(graph, site, entry.region_code)),
        (DCAT.theme, _theme(graph, site, entry.class_code)),
        (DCAT.landingPage, _typed(graph, page, FOAF.Document)),
    ])  # fmt: skip
    for suffix in FILES:
        graph.add((dataset, DCAT.distribution, _distribution(graph, site, entry, suffix)))
    for label in {item.label for item in entry.items}:
        graph.add((dataset, DCAT.keyword, rdflib.Literal(label, lang="zh")))


def _distribution(graph: Graph, site: Site, entry: OpenEntry, suffix: str) -> URIRef:
    """Say where the records are, and in which format; when they changed last the file says."""
    file = site.file(entry.id, suffix)
    distribution = URIRef(f"{site.entry(entry.id)}#{suffix}")
    _say(graph, distribution, [
        (RDF.type, DCAT.Distribution),
        (DCTERMS.title, rdflib.Literal(f"{entry.name}（{suffix.upper()}）", lang="zh")),
        (DCAT.accessURL, site.entry(entry.id)),
        (DCAT.downloadURL, file),
        (DCAT.mediaType, _typed(graph, URIRef(f"{IANA}{FILES[suffix]}"), DCTERMS.MediaType)),
        (DCTERMS.license, URIRef(site.licence)),
    ])  # fmt: skip
    return distribution


def _publisher(graph: Graph, site: Site, entry: OpenEntry) -> URIRef:
    department = _typed(graph, site.part("department", entry.department), FOAF.Agent)
    graph.add((department, FOAF.name, rdflib.Literal(entry.department_name, lang="zh")))
    graph.add((department, DCTERMS.identifier, rdflib.Literal(entry.department)))
    return department


def _region(graph: Graph, site: Site, region_code: str) -> URIRef:
    region = _typed(graph, site.part("region", region_code), DCTERMS.Location)
    graph.add((region, DCTERMS.identifier, rdflib.Literal(region_code)))
    return region


def _theme(graph: Graph, site: Site, class_code: str) -> URIRef:
    scheme = _typed(graph, site.part("classes", "2017-1272"), SKOS.ConceptScheme)
    graph.add((scheme, DCTERMS.title, rdflib.Literal("政务信息资源分类", lang="zh")))
    graph.add((scheme, DCTERMS.title, rdflib.Literal("Classes of government data", lang="en")))
    theme = _typed(graph, site.part("class", class_code), SKOS.Concept)
    graph.add((theme, SKOS.inScheme, scheme))
    graph.add((theme, SKOS.notation, rdflib.Literal(class_code)))
    chinese, english = CLASSES[class_code[0]]
    _both(graph, theme, SKOS.prefLabel, (f"{chinese} {class_code}", f"{english} {class_code}"))
    return theme


def _typed(graph: Graph, thing: URIRef, kind: URIRef) -> URIRef:
    graph.add((thing, RDF.type, kind))
    return thing


def _both(graph: Graph, thing: URIRef, what: URIRef, words: tuple[str, str]) -> None:
    for language, word in zip(("zh", "en"), words, strict=True):
        graph.add((thing, what, rdflib.Literal(word, lang=language)))


def _say(graph: Graph, thing: URIRef, facts: Iterable[tuple[URIRef, Node]]) -> None:
    for what, value in facts:
        graph.add((thing, what, value))
