"""docs/metrics.md names every metric of gateway and worker, with its kind, and nothing else."""

import importlib

from kernel.metrics import METRICS
from tests.docs.pages import quoted, rows, text

PROGRAMS = ("gateway.main", "exchange.worker")


def test_the_page_names_every_metric_with_its_kind_and_no_other() -> None:
    for program in PROGRAMS:
        importlib.import_module(program)
    told = {quoted(row["metric"]): row["kind"] for row in rows(text("metrics.md"), "metric")}
    assert told == {name: metric.kind for name, metric in METRICS.items()}
