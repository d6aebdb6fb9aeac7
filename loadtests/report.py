"""Results for people: one Markdown table, and one HTML page that needs nothing else."""

import html
from collections.abc import Sequence
from pathlib import Path

from loadtests.results import PARTS, Case, Results

HEADINGS = (
    *("case", "system", "generator", "req/s", "rec/s", "p50 ms", "p99 ms"),
    *(f"{part} µs/rec" for part in PARTS),
    *("cores", "memory MB", "others", "failures", "answered", "read back"),
)
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Shuyuan load test</title>
<style>
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #1b1f24 }}
table {{ border-collapse: collapse; margin: 1rem 0 }}
th, td {{ border-bottom: 1px solid #d0d7de; padding: .25rem .6rem; text-align: right }}
th:nth-child(-n+3), td:nth-child(-n+3) {{ text-align: left }}
.bar {{ background: #0969da; height: .9rem; display: inline-block; vertical-align: middle }}
.other {{ background: #8c959f }}
.bad {{ background: #ffebe9 }}
</style>
<h1>Shuyuan load test</h1><p>{facts}</p>{charts}{table}</html>
"""


def markdown(results: Results) -> str:
    """Return the table with the conditions above it and the stories' facts below."""
    lines = [
        *(f"- {fact}" for fact in facts(results)),
        "",
        f"| {' | '.join(HEADINGS)} |",
        f"|{'---|' * len(HEADINGS)}",
        *(f"| {' | '.join(cells(case))} |" for case in results.cases),
        "",
        *(f"- {case.name}: {said}" for case in results.cases for said in _said(case)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def facts(results: Results) -> list[str]:
    """Return the conditions under which the figures were taken."""
    machine = results.machine
    found = [
        f"started {results.started_at}, {results.seconds:.0f} s, {results.rounds} round(s)",
        f"{machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB",
        f"Python {machine.python}, Kafka {machine.kafka}, PostgreSQL {machine.postgresql}",
        f"the machine was {results.others_share:.0%} busy with other work before the run",
    ]
    if results.indicative:
        found.append("indicative only: short runs, once")
    return found


def cells(case: Case) -> list[str]:
    """Return one line of the table, in the order of HEADINGS."""
    cores = sum(case.cpu_seconds.values()) / case.seconds if case.seconds else 0.0
    memory = sum(case.memory_bytes.values()) / 2**20
    others = case.others_cpu_seconds / case.seconds if case.seconds else 0.0
    return [
        *(case.name, case.system, case.generator),
        *(f"{case.requests_per_second:,.0f}", f"{case.records_per_second:,.0f}"),
        *(f"{case.p50_ms:.1f}", f"{case.p99_ms:.1f}"),
        *(f"{case.cpu_us_per_record.get(part, 0.0):.2f}" for part in PARTS),
        *(f"{cores:.2f}", f"{memory:,.0f}", f"{others:.2f}", str(case.failures)),
        *(f"{case.records_answered:,}", f"{case.records_read_back:,}"),
    ]


def _said(case: Case) -> list[str]:
    told = [f"{name} {value:.0f}" for name, value in case.facts.items()]
    refused = [f"{case.refused} orderly refusals"] if case.refused else []
    return [*told, *refused, *case.complaints]


def page(results: Results) -> str:
    """Return the HTML page: a bar for every rate, and the table."""
    names = list(dict.fromkeys(case.name for case in results.cases))
    charts = "".join(
        _chart(name, [case for case in results.cases if case.name == name]) for name in names
    )
    said = "<br>".join(html.escape(fact) for fact in facts(results))
    return PAGE.format(facts=said, charts=charts, table=_table(results.cases))


def _chart(name: str, cases: Sequence[Case]) -> str:
    most = max(case.rate for case in cases) or 1.0
    bars = "".join(
        f"<div>{html.escape(case.system)} ({html.escape(case.generator)}) "
        f'<span class="bar {"own" if case.system == "shuyuan" else "other"}" '
        f'style="width:{case.rate / most * 30:.1f}rem"></span> {case.rate:,.0f}/s</div>'
        for case in cases
    )
    return f"<h2>{html.escape(name)}</h2>{bars}"


def _table(cases: Sequence[Case]) -> str:
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in HEADINGS)
    rows = "".join(
        f"<tr class={'good' if case.good else 'bad'}>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells(case))
        + "</tr>"
        for case in cases
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def write(results: Results, folder: Path) -> None:
    """Write latest.md and latest.html beside latest.json."""
    (folder / "latest.md").write_text(markdown(results), encoding="utf-8")
    (folder / "latest.html").write_text(page(results), encoding="utf-8")
