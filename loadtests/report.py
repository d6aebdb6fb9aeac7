"""Results for people: Markdown tables, and one HTML page with plots that needs nothing else."""

import html
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from loadtests.results import P99, PARTS, Case, Judged, Results, Spread, spread_of
from loadtests.targets import Measured

Table = tuple[Sequence[str], Sequence[Sequence[str]]]

ROW = ("case", "system", "generator")
THROUGHPUT = (
    *("req/s", "rec/s (least–most)", "p50 ms", "p99 ms (least–most)"),
    *("of Kafka's tool", "× naive", "naive's CPU ×", "others", "failures", "answered", "read back"),
)
COSTS = (*(f"{part} µs" for part in PARTS), "cores", *(f"{part} MB" for part in PARTS))
TARGETS = ("case", "target", "measured", "reached")
VERDICTS = {True: "yes", False: "**no**", None: "–"}
BAR_REM = 26.0
STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #1b1f24 }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; white-space: nowrap }
th, td { border-bottom: 1px solid #d0d7de; padding: .25rem .6rem; text-align: right }
th { background: #f6f8fa }
th:nth-child(-n+3), td:nth-child(-n+3) { text-align: left }
.plots { display: grid; grid-template-columns: repeat(auto-fill, 50rem); gap: 0 2rem }
.plot { display: grid; grid-template-columns: 14rem 26rem max-content; gap: .15rem .7rem;
  align-content: start; align-items: center }
.plot h3 { grid-column: 1 / -1; margin: 1rem 0 .2rem }
.track { position: relative; height: .9rem }
.bar { background: #8c959f; height: 100% }
.own { background: #0969da }
.range { position: absolute; top: .4rem; height: .1rem; background: #1b1f24 }
.bad { background: #ffebe9 }
"""


def markdown(results: Results) -> str:
    """Return the conditions, the tables, the targets, and what the stories tell."""
    lines = [*(f"- {fact}" for fact in facts(results)), ""]
    for heading, table in tables(results):
        lines += [f"### {heading}", "", *_markdown(table), ""]
    lines += [f"- {case.name}: {said}" for case in results.cases for said in _said(case)]
    return "\n".join(lines).rstrip() + "\n"


def _markdown(table: Table) -> Iterator[str]:
    headings, rows = table
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


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


def tables(results: Results) -> Iterator[tuple[str, Table]]:
    """Yield every table with its heading."""
    measured, cases = Measured(results.cases), results.cases
    throughput = [[*case.row, *_throughput(case, measured)] for case in cases]
    yield "Throughput", ((*ROW, *THROUGHPUT), throughput)
    costs = [[*case.row, *_costs(case)] for case in cases]
    yield "CPU per record, and resident memory", ((*ROW, *COSTS), costs)
    if results.targets:
        yield "Targets", (TARGETS, [_verdict(each) for each in results.targets])


def _throughput(case: Case, measured: Measured) -> list[str]:
    rate, others = case.rate_spread, case.others_cpu_seconds / (case.seconds or 1.0)
    p99 = case.spread.get(P99) or spread_of([case.p99_ms])
    records = _spread(rate, "{:,.0f}") if case.records_per_second else "0"
    return [
        *(f"{case.requests_per_second:,.0f}", records),
        *(f"{case.p50_ms:.1f}", _spread(p99, "{:.1f}")),
        *(_share(measured.of_reference(case)), _times(measured.of_naive(case))),
        _times(measured.less_cpu(case)),
        *(f"{others:.2f}", str(case.failures)),
        *(f"{case.records_answered:,}", f"{case.records_read_back:,}"),
    ]


def _costs(case: Case) -> list[str]:
    cores = sum(case.cpu_seconds.values()) / (case.seconds or 1.0)
    memory = (case.memory_bytes.get(part) for part in PARTS)
    return [
        *(_spread(case.cpu_spread(part), "{:.2f}") for part in PARTS),
        f"{cores:.2f}",
        *(f"{size / 2**20:,.0f}" if size else "–" for size in memory),
    ]


def _spread(spread: Spread, form: str) -> str:
    middle, least, most = map(form.format, (spread.median, spread.least, spread.most))
    return middle if least == most else f"{middle} ({least}–{most})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _verdict(judged: Judged) -> list[str]:
    return [judged.case, judged.target, judged.measured, VERDICTS[judged.reached]]


def _said(case: Case) -> list[str]:
    told = [f"{name} {value:.2f}".removesuffix(".00") for name, value in case.facts.items()]
    refused = [f"{case.refused} orderly refusals"] if case.refused else []
    return [*told, *refused, *case.complaints]


def page(results: Results) -> str:
    """Return the HTML page: the targets, a bar for every rate and cost, the tables."""
    shown = dict(tables(results))
    targets = shown.pop("Targets", None)
    bad = {place for place, case in enumerate(results.cases) if not case.good}
    parts = [
        "<!doctype html>",
        f'<html lang="en"><meta charset="utf-8"><title>Shuyuan load test</title><style>{STYLE}',
        "</style><h1>Shuyuan load test</h1>",
        f"<p>{'<br>'.join(html.escape(fact) for fact in facts(results))}</p>",
        _table("Targets", targets, _missed(results.targets)) if targets else "",
        _plots("Records (or requests) a second, and how the runs lie", results, _rate),
        _plots("CPU of the gateway, µs a record (or request)", results, _gateway_cpu),
        *(_table(heading, table, bad) for heading, table in shown.items()),
        f"<ul>{_stories(results)}</ul></html>\n",
    ]
    return "".join(parts)


def _missed(targets: Sequence[Judged]) -> set[int]:
    return {place for place, each in enumerate(targets) if each.reached is False}


def _rate(case: Case) -> tuple[Spread, str]:
    return case.rate_spread, f"{case.rate_spread.median:,.0f}"


def _gateway_cpu(case: Case) -> tuple[Spread, str]:
    spread = case.cpu_spread("gateway")
    return spread, f"{spread.median:,.2f}"


def _plots(heading: str, results: Results, figure: Callable[[Case], tuple[Spread, str]]) -> str:
    names = list(dict.fromkeys(case.name for case in results.cases))
    plots = "".join(
        _plot(name, [case for case in results.cases if case.name == name], figure) for name in names
    )
    return f'<h2>{heading}</h2><div class="plots">{plots}</div>'


def _plot(name: str, cases: Sequence[Case], figure: Callable[[Case], tuple[Spread, str]]) -> str:
    shown = [(case, *figure(case)) for case in cases]
    shown = [each for each in shown if each[1].most]
    most = max((spread.most for _, spread, _ in shown), default=1.0)
    bars = "".join(
        f"<span>{html.escape(_caption(case))}</span>{_bar(case, spread, most)}<span>{said}</span>"
        for case, spread, said in shown
    )
    return f'<div class="plot"><h3>{html.escape(name)}</h3>{bars}</div>' if shown else ""


def _caption(case: Case) -> str:
    return " · ".join(dict.fromkeys((case.system, case.generator)))


def _bar(case: Case, spread: Spread, most: float) -> str:
    own = "bar own" if case.system == "shuyuan" else "bar"
    middle, least, width = (
        value / most * BAR_REM
        for value in (spread.median, spread.least, spread.most - spread.least)
    )
    return (
        f'<div class="track"><div class="{own}" style="width:{middle:.2f}rem"></div>'
        f'<div class="range" style="left:{least:.2f}rem;width:{width:.2f}rem"></div></div>'
    )


def _table(heading: str, table: Table, bad: set[int]) -> str:
    headings, rows = table
    head = "".join(f"<th>{html.escape(each)}</th>" for each in headings)
    body = "".join(
        f'<tr class="{"bad" if place in bad else "good"}">'
        + "".join(f"<td>{html.escape(cell.replace('**', ''))}</td>" for cell in row)
        + "</tr>"
        for place, row in enumerate(rows)
    )
    shown = f"<table><tr>{head}</tr>{body}</table>"
    return f'<h2>{html.escape(heading)}</h2><div class="wide">{shown}</div>'


def _stories(results: Results) -> str:
    return "".join(
        f"<li>{html.escape(f'{case.name}: {said}')}</li>"
        for case in results.cases
        for said in _said(case)
    )


def write(results: Results, folder: Path) -> None:
    """Write latest.md and latest.html beside latest.json."""
    (folder / "latest.md").write_text(markdown(results), encoding="utf-8")
    (folder / "latest.html").write_text(page(results), encoding="utf-8")
