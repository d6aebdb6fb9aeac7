"""The open catalogue says in linked data what DCAT-AP 3 asks, whatever an entry is called."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyshacl
import pytest
from rdflib import DCAT, DCTERMS, RDF, Graph, Literal, URIRef

from catalog.entries import UpdateCycle
from catalog.open_data import OpenEntry, OpenItem, OpenPage
from gateway.open_catalogue.graph import PAGE_SIZE, Site, Syntax, graph_of, written
from gateway.open_catalogue.vocabulary import FREQUENCY, HYDRA

# rdflib's own reader of JSON-LD uses what rdflib calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")
SITE = Site("https://data.example", "https://creativecommons.org/licenses/by/4.0/")
SHAPES = Graph().parse(Path(__file__).parent / "shapes.ttl")
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
NAMES = ("人口统计", "引号\"'<b>", "反斜杠\\\n两行", "😀 \u202eemoji", "长" * 2000)


def entry(number: int, cycle: UpdateCycle = UpdateCycle.DAILY) -> OpenEntry:
    item = OpenItem("total", "总人口", "DE-1", "人口数", "integer", "常住人口数")
    return OpenEntry(
        id=f"R{number}",
        version=2,
        name=NAMES[number % len(NAMES)],
        abstract=NAMES[number % len(NAMES)],
        class_code=f"{number % 3 + 1}01001",
        region_code="450100",
        department="11450000000000001A",
        department_name="统计局",
        update_cycle=cycle,
        created_at=NOON,
        published_at=NOON + timedelta(days=number),
        items=(item,),
    )


def page(number: int = 1, entries: int = 12, total: int | None = None) -> OpenPage:
    cycles = list(UpdateCycle)
    listed = tuple(entry(each, cycles[each % len(cycles)]) for each in range(entries))
    return OpenPage(number, listed, entries if total is None else total)


@pytest.mark.parametrize("syntax", ["turtle", "json-ld"])
def test_a_page_is_what_dcat_ap_asks_for_in_either_syntax(syntax: Syntax) -> None:
    read = Graph().parse(written(SITE, page(), syntax), format=syntax)
    conforms, _, report = pyshacl.validate(read, shacl_graph=SHAPES, inference="none")
    assert conforms, report
    assert {str(name) for name in read.objects(None, DCTERMS.title)} >= set(NAMES)


def test_an_entry_says_where_its_records_are_in_each_format() -> None:
    graph = graph_of(SITE, page(), "ttl")
    distributions = list(graph.objects(SITE.dataset("R1"), DCAT.distribution))
    urls = {str(next(graph.objects(each, DCAT.downloadURL))) for each in distributions}
    assert urls == {f"https://data.example/open/R1.{each}" for each in ("csv", "ndjson", "parquet")}
    for each in distributions:
        assert (each, DCTERMS.license, URIRef(SITE.licence)) in graph
        assert (each, DCAT.accessURL, SITE.entry("R1")) in graph


def test_the_shapes_refuse_an_entry_without_a_publisher() -> None:
    graph = graph_of(SITE, page(), "ttl")
    graph.remove((SITE.dataset("R1"), DCTERMS.publisher, None))
    assert not pyshacl.validate(graph, shacl_graph=SHAPES, inference="none")[0]


def test_an_empty_catalogue_is_a_catalogue() -> None:
    graph = graph_of(SITE, page(entries=0), "ttl")
    assert pyshacl.validate(graph, shacl_graph=SHAPES, inference="none")[0]
    assert list(graph.objects(SITE.catalogue, HYDRA.totalItems)) == [Literal(0)]


def test_every_update_cycle_has_its_frequency() -> None:
    assert set(FREQUENCY) == set(UpdateCycle)


@pytest.mark.parametrize(
    ("number", "steps"),
    [
        (1, {"first": 1, "next": 2, "last": 3}),
        (2, {"first": 1, "previous": 1, "next": 3, "last": 3}),
        (3, {"first": 1, "previous": 2, "last": 3}),
    ],
)
def test_pages_lead_to_one_another(number: int, steps: dict[str, int]) -> None:
    graph = graph_of(SITE, page(number, total=2 * PAGE_SIZE + 1), "ttl")
    view = next(graph.objects(SITE.catalogue, HYDRA.view))
    told = {
        str(step).removeprefix(str(HYDRA)): where
        for step, where in graph.predicate_objects(view)
        if step != RDF.type
    }
    address = "https://data.example/catalog.ttl?page={}"
    assert told == {step: URIRef(address.format(to)) for step, to in steps.items()}


def test_a_dataset_says_who_publishes_it_how_often_and_under_which_licence() -> None:
    graph = graph_of(SITE, page(entries=1), "ttl")
    dataset = SITE.dataset("R0")
    assert graph.value(dataset, DCTERMS.license) == URIRef(SITE.licence)
    assert graph.value(dataset, DCAT.landingPage) == URIRef("https://data.example/open/R0")
    assert graph.value(dataset, DCTERMS.accrualPeriodicity) == FREQUENCY[UpdateCycle.REALTIME]
    assert graph.value(dataset, DCTERMS.modified) == Literal(NOON)
