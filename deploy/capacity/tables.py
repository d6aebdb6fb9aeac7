"""The model's results as Markdown, for the terminal and for docs/capacity.md alike."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec.structs import fields

from deploy import markdown
from deploy.capacity import costs as kind
from deploy.capacity.checking import Verdict, verdicts
from deploy.capacity.costs import Costs, Line
from deploy.capacity.load import SCENARIOS, Load, Site
from deploy.capacity.model import Plan

PAGE = Path(__file__).parents[2] / "docs" / "capacity.md"
PART = re.compile(r"<!-- capacity: (.*?) -->")
UNITS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
MEANINGS = {
    kind.PUBLISH: "publish a batch",
    kind.KEYED: "… with an `Idempotency-Key`, on top",
    kind.PAGE: "pull a page that is at hand",
    kind.FETCH: "… from the broker, on top",
    kind.PROJECT: "… and of it 6 of 12 items, 2 masked, on top",
    kind.POLL: "pull, nothing new",
    kind.TOKEN: "issue a token",
    kind.LOOKUP: "look up the catalogue",
    kind.COUNT: "flush the count of one pair",
    kind.SEAL: "seal the minute of one pair",
}


def _size(amount: float) -> str:
    size, unit = next((each for each in UNITS if amount >= each[0]), (1, "B"))
    return f"{amount / size:,.3g} {unit}"


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - Markdown
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
TEMPLATES.filters |= {
    "number": "{:,.0f}".format,
    "share": "{:.0%}".format,
    "ms": lambda seconds: f"{seconds * 1000:.1f} ms",
    "size": _size,
}


def conditions(costs: Costs) -> str:
    """Return when and where the costs were measured, in one sentence."""
    machine = costs.machine
    busiest = max((point.others_cores for point in costs.fitted), default=0.0)
    return (
        f"Measured {costs.measured_at}, {costs.rounds} round(s), {machine.cores} cores, "
        f"{machine.memory_bytes / 2**30:.0f} GiB, {costs.workers} gateway workers, Python "
        f"{machine.python}, Kafka {machine.kafka}, PostgreSQL {machine.postgresql}; "
        f"others kept at most {busiest:.2f} cores busy meanwhile.\n"
    )


def costs_table(costs: Costs) -> str:
    """Return the cost of each kind of work on each part, in microseconds."""
    rows = [
        [told, *(_line(costs.line(work, part)) for part in kind.PARTS)]
        for work, told in MEANINGS.items()
    ]
    idle = [f"{costs.idle_cores.get(part, 0.0):.3f}" for part in kind.PARTS]
    rows.append(["without any load, share of a core", *idle])
    return markdown.table(("µs of", *kind.PARTS), rows)


def _line(line: Line) -> str:
    if line == Line():
        return "–"
    return f"{line.request:,.0f}" + (f" + {line.record:.2f} n" if line.record else "")


def checks_table(costs: Costs) -> str:
    """Return predicted against measured for the points that did not go into the fit."""
    rows = [_check(verdict, "") for verdict in verdicts(costs, costs.checked)]
    rows += [_check(verdict, " (bound)") for verdict in verdicts(costs, costs.bounded)]
    heads = ("point", "part", "predicted µs/request", "measured µs/request", "error")
    return markdown.table(heads, rows)


def _check(verdict: Verdict, mark: str) -> list[str]:
    predicted, measured = verdict.per_request
    figures = [f"{predicted:,.0f}", f"{measured:,.0f}", f"{verdict.error:+.0%}"]
    return [verdict.point.name + mark, verdict.part, *figures]


def loads_table(loads: Sequence[Load]) -> str:
    """Return what the loads ask for, a line for each field."""
    names = [field.name for field in fields(Load) if field.name != "name"]
    rows = [[f"`{name}`", *(f"{getattr(load, name):,.12g}" for load in loads)] for name in names]
    return markdown.table(("", *(load.name for load in loads)), rows)


def site_table(site: Site) -> str:
    """Return the machines and rules of sizing, a line for each field."""
    rows = [[f"`{field.name}`", f"{getattr(site, field.name):,.12g}"] for field in fields(Site)]
    return markdown.table(("", "value"), rows)


def plan_table(plan: Plan) -> str:
    """Return what a load needs, a line for each thing."""
    return TEMPLATES.get_template("plan.txt").render(plan=plan)


def blocks(costs: Costs) -> Mapping[str, str]:
    """Return every printed part by its name."""
    return {
        "conditions": conditions(costs),
        "costs": costs_table(costs),
        "checks": checks_table(costs),
        "loads": loads_table(list(SCENARIOS.values())),
        "site": site_table(Site()),
        **{name: plan_table(Plan(load, costs)) for name, load in SCENARIOS.items()},
    }


def renewed(text: str, costs: Costs) -> str:
    """Return a page with its printed parts as they are now; KeyError for an unknown one."""
    told = blocks(costs)
    if unknown := set(PART.findall(text)).difference(told):
        raise KeyError(*unknown)
    return markdown.renewed(text, "capacity", told)


def write(costs: Costs, path: Path = PAGE) -> None:
    path.write_text(renewed(path.read_text(encoding="utf-8"), costs), encoding="utf-8")
