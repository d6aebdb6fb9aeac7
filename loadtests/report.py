"""Results for people in Markdown: a verdict, the conditions, tables. The console draws them.

`python -m loadtests.report` puts the last figures into loadtests/README.md.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy import markdown
from gateway.console.load_reports import P99, RATE, Ratio, Sentence, Spread
from loadtests import results as outcomes
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
README = Path(__file__).with_name("README.md")


VERDICT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - plain text
    trim_blocks=True,
).get_template("verdict.txt")


def verdict(cases: Sequence[Case], *, indicative: bool = False) -> list[str]:
    """Return what this run shows in sentences, each in Chinese and in English."""
    measured = Measured(cases)
    quota = measured.limited()
    told = VERDICT.render(
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


def tables(results: Results) -> dict[str, str]:
    """Return every table by its heading."""
    measured, cases = Measured(results.cases), results.cases
    throughput = [[*case.row, *_throughput(case, measured)] for case in cases]
    costs = [[*case.row, *_costs(case)] for case in cases]
    found = {
        "Throughput": markdown.table((*ROW, *THROUGHPUT), throughput),
        "CPU per record of all parts, and resident memory": markdown.table((*ROW, *COSTS), costs),
    }
    if results.targets:
        rows = [[t.case, t.target, t.measured, VERDICTS[t.reached]] for t in results.targets]
        found["Targets"] = markdown.table(TARGETS, rows)
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


def told(results: Results) -> str:
    """Return the verdict, the conditions, the tables, the targets, and what the stories tell."""
    lines = [f"- {said}" for said in verdict(results.cases, indicative=results.indicative)]
    lines += ["", *(f"- {fact}" for fact in facts(results)), ""]
    for heading, table in tables(results).items():
        lines += [f"### {heading}", "", table]
    lines += [f"- {said}" for said in _notes(results.cases)]
    return "\n".join(lines).rstrip() + "\n"


def write(results: Results, folder: Path) -> str:
    """Write latest.json and latest.md; return what the latter says."""
    text = told(results)
    outcomes.write(results, folder)
    (folder / "latest.md").write_text(text, encoding="utf-8")
    return text


def renew(readme: Path = README, folder: Path = FOLDER) -> None:
    """Put the last bench.md and soak.md, where there is one, into their places in the README."""
    last = [path for name in ("bench", "soak") if (path := folder / f"{name}.md").exists()]
    blocks = {path.stem: path.read_text(encoding="utf-8") for path in last}
    text = markdown.renewed(readme.read_text(encoding="utf-8"), "figures", blocks)
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    renew()
