"""Results for people: Markdown tables, and one HTML page with plots that needs nothing else.

`python -m loadtests.report` puts the last figures into loadtests/README.md.
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from gateway.console.load_reports import P99, RATE, Ratio, Sentence, Spread
from loadtests.results import FOLDER, PARTS, Case, Results
from loadtests.statistics import Estimate
from loadtests.targets import (
    BESIDE,
    CACHED,
    LOCUST,
    NAIVE,
    RAW,
    SHUYUAN,
    TUNED_NAIVE,
    WRK,
    Measured,
    compared,
)

ROW = ("case", "system", "generator")
THROUGHPUT = (
    *("pages from", "req/s", "rec/s (least–most)", "p50 ms", "p99 ms (least–most)"),
    *("of Kafka's tool", "× naive", "× naive, batched", "naive's CPU ×", "others"),
    *("failures", "answered", "read back"),
)
COSTS = (*(f"{part} µs" for part in PARTS), "all µs", "cores", *(f"{part} MB" for part in PARTS))
TARGETS = ("case", "target", "measured", "reached")
VERDICTS = {True: "yes", False: "**no**", None: "–"}
UNITS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
README = Path(__file__).with_name("README.md")


def size_told(amount: float) -> str:
    size, unit = next((each for each in UNITS if amount >= each[0]), (1, "B"))
    return f"{amount / size:,.3g} {unit}"


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
TEMPLATES.filters |= {
    "number": "{:,.0f}".format,
    "share": "{:.0%}".format,
    "ms": lambda seconds: f"{seconds * 1000:.1f} ms",
    "size": size_told,
}


class Table(NamedTuple):
    """`bad` are the places of the rows that something is wrong with."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    bad: Sequence[int] = ()

    def markdown(self) -> str:
        lines = [self.heads, ["---"] * len(self.heads), *self.rows]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


class Bar(NamedTuple):
    label: str
    is_own: bool
    spread: Spread


class Curve(msgspec.Struct, frozen=True):
    """A series over time: seconds against megabytes."""

    name: str
    seconds: Sequence[float]
    megabytes: Sequence[float]

    def points(self) -> Iterable[tuple[float, float]]:
        return zip(self.seconds, self.megabytes, strict=True)


def verdict(cases: Sequence[Case], *, indicative: bool = False) -> list[str]:
    """Return what this run shows in sentences, each in Chinese and in English."""
    measured = Measured(cases)
    quota = measured.limited()
    told = TEMPLATES.get_template("verdict.txt").render(
        tools=list(_against_tools(measured)),
        others=list(_against_others(measured)),
        quota=quota and quota.told("{:.2f}"),
        bad=", ".join(" ".join(case.row) for case in cases if not case.good),
        count=f"{sum(case.records_answered for case in cases):,}",
        indicative=indicative,
    )
    return str(told).splitlines()


def _against_tools(measured: Measured) -> Iterator[tuple[str, ...]]:
    """Yield what is compared, the share of the rate, both costs, and which tool it was."""
    for name, *said in (
        ("publish-500", "发布（每批 500 条）", "Publishing in batches of 500"),
        ("pull-catch-up", "追赶读取（每页 10,000 条）", "Catching up from the broker"),
    ):
        own, tool = measured.own(name), measured.reference(name)
        share = compared(RATE, tool, own)
        if own and tool and share:
            spent = (sum(of.spread_of(part).median for part in PARTS) for of in (own, tool))
            yield *said, share.told("{:.0%}"), *map("{:.2f}".format, spent), tool.generator


def _against_others(measured: Measured) -> Iterator[tuple[str, str]]:
    pairs = [(case, measured.find(case.name, SHUYUAN, LOCUST)) for case in measured.others()]
    own = measured.own("publish-500")
    naives = [measured.find("publish-500", system, WRK, RAW) for system in (NAIVE, TUNED_NAIVE)]
    pairs += [(naive, own) for naive in naives if naive]
    for other, mine in pairs:
        if times := compared(RATE, other, mine):
            yield f"{other.name} {other.system}", times.told("{:.1f}")


def sentences(cases: Sequence[Case], *, indicative: bool = False) -> list[Sentence]:
    """Return the verdict by language: each line is Chinese, a full stop, then English."""
    halves = (line.partition("。 ") for line in verdict(cases, indicative=indicative))
    return [Sentence(f"{zh}。", en) for zh, _, en in halves]


def ratios(cases: Sequence[Case]) -> list[Ratio]:
    """Return how the platform's rows compare with those that they are held against."""
    measured = Measured(cases)
    found = []
    for case in (each for each in cases if each.system == SHUYUAN):
        reference = measured.reference(case.name)
        told = " ".join(case.row)
        for against, figure, estimate in (
            (reference.system if reference else "", RATE, measured.of_reference(case)),
            (NAIVE, RATE, measured.of_naive(case)),
            (TUNED_NAIVE, RATE, measured.of_naive(case, TUNED_NAIVE)),
            (NAIVE, "gateway", measured.less_cpu(case)),
        ):
            if estimate is not None and math.isfinite(estimate.value):
                found.append(Ratio(told, against, figure, *dataclasses.astuple(estimate)))
    return found


def facts(results: Results) -> list[str]:
    """Return the conditions under which the figures were taken."""
    machine = results.machine
    commit = f", commit {results.commit}" if results.commit else ""
    return [
        f"started {results.started_at}, {results.seconds:.0f} s, {results.rounds} round(s){commit}",
        f"{machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB, shared by all parts",
        f"Python {machine.python}, Kafka {machine.kafka}, PostgreSQL {machine.postgresql}",
        f"the machine was {results.others_share:.0%} busy with other work before the run",
        "rate limits are raised, except where a storm meets the usual ones",
        "only rows with `quota` in their names have one; the records use all four checkers",
        "ratios are medians of those within the same rounds, with bootstrapped 95 % intervals",
        "callers ask again when they are answered: their latency is that of a closed loop",
        f"long-poll, a storm's bystanders and {BESIDE} are timed from when they were due",
        *(["indicative only: short runs, once"] if results.indicative else []),
    ]


def tables(results: Results) -> dict[str, Table]:
    """Return every table by its heading."""
    measured, cases = Measured(results.cases), results.cases
    bad = [place for place, case in enumerate(cases) if not case.good]
    throughput = [[*case.row, *_throughput(case, measured)] for case in cases]
    costs = [[*case.row, *_costs(case)] for case in cases]
    found = {
        "Throughput": Table((*ROW, *THROUGHPUT), throughput, bad),
        "CPU per record of all parts, and resident memory": Table((*ROW, *COSTS), costs, bad),
    }
    if results.targets:
        rows = [[t.case, t.target, t.measured, VERDICTS[t.reached]] for t in results.targets]
        missed = [place for place, each in enumerate(results.targets) if each.reached is False]
        found["Targets"] = Table(TARGETS, rows, missed)
    return found


def _throughput(case: Case, measured: Measured) -> list[str]:
    others = case.others_cpu_seconds / (case.seconds or 1.0)
    source = ("cached" if case.name in CACHED else "broker") if "pull" in case.name else "–"
    records = _spread(case.spread_of(RATE), "{:,.0f}") if case.records_per_second else "0"
    return [
        *(source, f"{case.requests_per_second:,.0f}", records),
        *(f"{case.p50_ms:.1f}", _spread(case.spread_of(P99), "{:.1f}")),
        *(_told(measured.of_reference(case), "{:.0%}"), _told(measured.of_naive(case))),
        *(_told(measured.of_naive(case, TUNED_NAIVE)), _told(measured.less_cpu(case))),
        *(f"{others:.2f}", str(case.failures)),
        *(f"{case.records_answered:,}", f"{case.records_read_back:,}"),
    ]


def _costs(case: Case) -> list[str]:
    spreads = [case.spread_of(part) for part in PARTS]
    cores = sum(case.cpu_seconds.values()) / (case.seconds or 1.0)
    memory = (case.memory_bytes.get(part) for part in PARTS)
    return [
        *(_spread(spread, "{:.2f}") for spread in spreads),
        *(f"{sum(spread.median for spread in spreads):.2f}", f"{cores:.2f}"),
        *(f"{size / 2**20:,.0f}" if size else "–" for size in memory),
    ]


def _spread(spread: Spread, form: str) -> str:
    middle, least, most = map(form.format, (spread.median, spread.least, spread.most))
    return middle if least == most else f"{middle} ({least}–{most})"


def _told(value: Estimate | None, form: str = "{:.1f}") -> str:
    return "–" if value is None else value.told(form)


def _notes(cases: Iterable[Case]) -> list[str]:
    """Return what the stories tell beside their rates, and whatever went wrong."""
    found = []
    for case in cases:
        told = [f"{name} {value:.2f}".removesuffix(".00") for name, value in case.facts.items()]
        refused = [f"{case.refused} orderly refusals"] if case.refused else []
        found += [f"{case.name}: {said}" for said in (*told, *refused, *case.complaints)]
    return found


def markdown(results: Results) -> str:
    """Return the verdict, the conditions, the tables, the targets, and what the stories tell."""
    lines = [f"- {said}" for said in verdict(results.cases, indicative=results.indicative)]
    lines += ["", *(f"- {fact}" for fact in facts(results)), ""]
    for heading, table in tables(results).items():
        lines += [f"### {heading}", "", table.markdown()]
    lines += [f"- {said}" for said in _notes(results.cases)]
    return "\n".join(lines).rstrip() + "\n"


def page(results: Results) -> str:
    """Return the HTML page: the verdict, a bar for every rate and cost, the tables."""
    return html_page(
        "Shuyuan load test",
        [*verdict(results.cases, indicative=results.indicative), *facts(results)],
        bars={
            "Records (or requests) a second, and how the runs lie": _bars(results, RATE),
            "CPU of the gateway, µs a record (or request)": _bars(results, "gateway"),
        },
        tables=tables(results),
        notes=_notes(results.cases),
    )


def html_page(
    title: str,
    told: Sequence[str],
    *,
    tables: Mapping[str, Table],
    bars: Mapping[str, Mapping[str, Sequence[Bar]]] | None = None,
    curves: Sequence[Curve] = (),
    notes: Sequence[str] = (),
) -> str:
    shown = {"tables": tables, "bars": bars or {}, "curves": curves, "notes": notes}
    return TEMPLATES.get_template("page.html").render(title=title, told=told, **shown)


def _bars(results: Results, figure: str) -> dict[str, list[Bar]]:
    """Return a bar for each row of a case that has the figure, by case."""
    found: dict[str, list[Bar]] = {}
    for case in results.cases:
        spread = case.spread_of(figure)
        if spread.most:
            label = " · ".join(dict.fromkeys(case.row[1:]))
            found.setdefault(case.name, []).append(Bar(label, case.system == SHUYUAN, spread))
    return found


def write(results: Results, folder: Path) -> None:
    """Write latest.md and latest.html beside latest.json."""
    (folder / "latest.md").write_text(markdown(results), encoding="utf-8")
    (folder / "latest.html").write_text(page(results), encoding="utf-8")


def renewed(text: str, mark: str, blocks: Mapping[str, str]) -> str:
    """Return a page with these of its blocks, `<!-- mark: name -->` to `<!-- end -->`, replaced."""
    for name, block in blocks.items():
        place = re.compile(rf"(?<=<!-- {mark}: {name} -->\n).*?(?=<!-- end -->)", re.DOTALL)
        text = place.sub(lambda _found, block=block: block, text)  # type: ignore[misc]
    return text


def renew(readme: Path = README, folder: Path = FOLDER) -> None:
    """Put the last bench.md and soak.md, where there is one, into their places in the README."""
    last = [path for name in ("bench", "soak") if (path := folder / f"{name}.md").exists()]
    blocks = {path.stem: path.read_text(encoding="utf-8") for path in last}
    text = renewed(readme.read_text(encoding="utf-8"), "figures", blocks)
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew()
