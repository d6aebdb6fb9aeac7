"""Results for people: Markdown tables, and one HTML page with plots that needs nothing else.

`python -m loadtests.report` puts the last figures into loadtests/README.md.
"""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from loadtests.results import FOLDER, P99, PARTS, RATE, Case, Results, Spread
from loadtests.statistics import Estimate
from loadtests.targets import BESIDE, CACHED, TUNED_NAIVE, Measured, verdict

Table = tuple[Sequence[str], Sequence[Sequence[str]]]

ROW = ("case", "system", "generator")
THROUGHPUT = (
    *("pages from", "req/s", "rec/s (least–most)", "p50 ms", "p99 ms (least–most)"),
    *("of Kafka's tool", "× naive", "× naive, batched", "naive's CPU ×", "others"),
    *("failures", "answered", "read back"),
)
COSTS = (*(f"{part} µs" for part in PARTS), "all µs", "cores", *(f"{part} MB" for part in PARTS))
TARGETS = ("case", "target", "measured", "reached")
VERDICTS = {True: "yes", False: "**no**", None: "–"}
README = Path(__file__).with_name("README.md")
BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
BAR_REM, WIDTH, HEIGHT, MARGIN = 26.0, 860, 220, 50
STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #1b1f24 }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
th, td { border-bottom: 1px solid #d0d7de; padding: .25rem .6rem; text-align: left }
.plot { display: grid; grid-template-columns: 20rem 26rem max-content; gap: .15rem .7rem }
.plot h3 { grid-column: 1 / -1; margin: 1rem 0 .2rem }
.track { position: relative; height: .9rem }
.bar { background: #8c959f; height: 100% }
.own { background: #0969da }
.range { position: absolute; top: .4rem; height: .1rem; background: #1b1f24 }
.bad { background: #ffebe9 }
svg { background: #f6f8fa }
polyline { fill: none; stroke: #0969da; stroke-width: 1.5 }
"""


def facts(results: Results) -> list[str]:
    """Return the conditions under which the figures were taken."""
    machine = results.machine
    found = [
        f"started {results.started_at}, {results.seconds:.0f} s, {results.rounds} round(s)"
        + (f", commit {results.commit}" if results.commit else ""),
        f"{machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB, shared by all parts",
        f"Python {machine.python}, Kafka {machine.kafka}, PostgreSQL {machine.postgresql}",
        f"the machine was {results.others_share:.0%} busy with other work before the run",
        "rate limits are raised, except where a storm meets the usual ones",
        "only rows with `quota` in their names have one; the records use all four checkers",
        "ratios are medians of those within the same rounds, with bootstrapped 95 % intervals",
        "callers ask again when they are answered: their latency is that of a closed loop",
        f"long-poll, a storm's bystanders and {BESIDE} are timed from when they were due",
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
    yield "CPU per record of all parts, and resident memory", ((*ROW, *COSTS), costs)
    if results.targets:
        rows = [[t.case, t.target, t.measured, VERDICTS[t.reached]] for t in results.targets]
        yield "Targets", (TARGETS, rows)


def _throughput(case: Case, measured: Measured) -> list[str]:
    others = case.others_cpu_seconds / (case.seconds or 1.0)
    source = ("cached" if case.name in CACHED else "broker") if "pull" in case.name else "–"
    records = _spread(case.spread_of(RATE), "{:,.0f}") if case.records_per_second else "0"
    return [
        *(source, f"{case.requests_per_second:,.0f}", records),
        *(f"{case.p50_ms:.1f}", _spread(case.spread_of(P99), "{:.1f}")),
        *(_told(measured.of_reference(case), "{:.0%}"), _told(measured.of_naive(case), "{:.1f}")),
        _told(measured.of_naive(case, TUNED_NAIVE), "{:.1f}"),
        _told(measured.less_cpu(case), "{:.1f}"),
        *(f"{others:.2f}", str(case.failures)),
        *(f"{case.records_answered:,}", f"{case.records_read_back:,}"),
    ]


def _costs(case: Case) -> list[str]:
    cores = sum(case.cpu_seconds.values()) / (case.seconds or 1.0)
    memory = (case.memory_bytes.get(part) for part in PARTS)
    return [
        *(_spread(case.spread_of(part), "{:.2f}") for part in PARTS),
        *(f"{sum(case.spread_of(part).median for part in PARTS):.2f}", f"{cores:.2f}"),
        *(f"{size / 2**20:,.0f}" if size else "–" for size in memory),
    ]


def _spread(spread: Spread, form: str) -> str:
    middle, least, most = map(form.format, (spread.median, spread.least, spread.most))
    return middle if least == most else f"{middle} ({least}–{most})"


def _told(value: Estimate | None, form: str) -> str:
    return "–" if value is None else value.told(form)


def _said(case: Case) -> list[str]:
    told = [f"{name} {value:.2f}".removesuffix(".00") for name, value in case.facts.items()]
    refused = [f"{case.refused} orderly refusals"] if case.refused else []
    return [f"{case.name}: {said}" for said in (*told, *refused, *case.complaints)]


def markdown(results: Results) -> str:
    """Return the verdict, the conditions, the tables, the targets, and what the stories tell."""
    lines = [f"- {said}" for said in verdict(results.cases, indicative=results.indicative)]
    lines += ["", *(f"- {fact}" for fact in facts(results)), ""]
    for heading, table in tables(results):
        lines += [f"### {heading}", "", markdown_table(table)]
    lines += [f"- {said}" for case in results.cases for said in _said(case)]
    return "\n".join(lines).rstrip() + "\n"


def markdown_table(table: Table) -> str:
    heads, rows = table
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page(results: Results) -> str:
    """Return the HTML page: the verdict, the targets, a bar for every rate and cost, the tables."""
    shown = dict(tables(results))
    targets = shown.pop("Targets", None)
    bad = {place for place, case in enumerate(results.cases) if not case.good}
    missed = {place for place, each in enumerate(results.targets) if each.reached is False}
    return html_page(
        "Shuyuan load test",
        [*verdict(results.cases, indicative=results.indicative), *facts(results)],
        [
            html_table("Targets", targets, missed) if targets else "",
            _plots("Records (or requests) a second, and how the runs lie", results, RATE),
            _plots("CPU of the gateway, µs a record (or request)", results, "gateway"),
            *(html_table(heading, table, bad) for heading, table in shown.items()),
            listed(said for case in results.cases for said in _said(case)),
        ],
    )


def html_page(title: str, told: Iterable[str], parts: Sequence[str]) -> str:
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    return f"{head}<style>{STYLE}</style><h1>{title}</h1>{listed(told)}{''.join(parts)}</html>\n"


def listed(told: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(each)}</li>' for each in told)}</ul>"


def html_table(heading: str, table: Table, bad: set[int]) -> str:
    heads, rows = table
    head = "".join(f"<th>{html.escape(each)}</th>" for each in heads)
    body = "".join(
        f'<tr class="{"bad" if place in bad else "good"}">'
        + "".join(f"<td>{html.escape(cell.replace('**', ''))}</td>" for cell in row)
        + "</tr>"
        for place, row in enumerate(rows)
    )
    shown = f"<table><tr>{head}</tr>{body}</table>"
    return f'<h2>{html.escape(heading)}</h2><div class="wide">{shown}</div>'


def curve(name: str, seconds: Sequence[float], values: Sequence[float], unit: str) -> str:
    """Draw one series from nought, so that a drift looks as large as it is."""
    last, most = max(seconds[-1], 1.0), max(values) or 1.0
    points = " ".join(
        f"{MARGIN + at / last * (WIDTH - 2 * MARGIN):.1f},"
        f"{HEIGHT - MARGIN - value / most * (HEIGHT - 2 * MARGIN):.1f}"
        for at, value in zip(seconds, values, strict=True)
    )
    said = f"{html.escape(name)}: 0 – {most:,.0f} {unit} over {last / 60:.1f} min"
    drawn = f'<svg width="{WIDTH}" height="{HEIGHT}"><polyline points="{points}"/></svg>'
    return f"<h2>{said}</h2>{drawn}"


def _plots(heading: str, results: Results, figure: str) -> str:
    names = list(dict.fromkeys(case.name for case in results.cases))
    plots = (
        _plot(name, [case for case in results.cases if case.name == name], figure) for name in names
    )
    return f"<h2>{heading}</h2>{''.join(plots)}"


def _plot(name: str, cases: Sequence[Case], figure: str) -> str:
    shown = [(case, case.spread_of(figure)) for case in cases if case.spread_of(figure).most]
    most = max((spread.most for _, spread in shown), default=1.0)
    bars = "".join(
        f"<span>{html.escape(' · '.join(dict.fromkeys(case.row[1:])))}</span>"
        f"{_bar(case, spread, most)}<span>{spread.median:,.2f}</span>"
        for case, spread in shown
    )
    return f'<div class="plot"><h3>{html.escape(name)}</h3>{bars}</div>' if shown else ""


def _bar(case: Case, spread: Spread, most: float) -> str:
    own = "bar own" if case.system == "shuyuan" else "bar"
    width = (spread.median, spread.least, spread.most - spread.least)
    middle, least, range_ = (value / most * BAR_REM for value in width)
    return (
        f'<div class="track"><div class="{own}" style="width:{middle:.2f}rem"></div>'
        f'<div class="range" style="left:{least:.2f}rem;width:{range_:.2f}rem"></div></div>'
    )


def write(results: Results, folder: Path) -> None:
    """Write latest.md and latest.html beside latest.json."""
    (folder / "latest.md").write_text(markdown(results), encoding="utf-8")
    (folder / "latest.html").write_text(page(results), encoding="utf-8")


def renew(readme: Path = README, folder: Path = FOLDER) -> None:
    """Put the last bench.md and soak.md, where there is one, into their places in the README."""

    def told(found: re.Match[str]) -> str:
        last = folder / f"{found[2]}.md"
        text = last.read_text(encoding="utf-8") if last.exists() else None
        return found[0] if text is None else f"{found[1]}{text}{found[3]}"

    readme.write_text(BLOCK.sub(told, readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    renew()
