"""The model's results as Markdown, for the terminal and for docs/capacity.md alike."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import fields

from loadtests.capacity import costs as kind
from loadtests.capacity.costs import Costs, Line
from loadtests.capacity.fitting import Verdict, verdicts
from loadtests.capacity.load import SCENARIOS, Load, Site
from loadtests.capacity.model import Plan, plan
from loadtests.capacity.sizes import Nodes
from loadtests.report import markdown_table

PAGE = Path(__file__).parents[2] / "docs" / "capacity.md"
BLOCK = re.compile(r"(<!-- capacity: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
MEANINGS = {
    kind.PUBLISH: "publish a batch",
    kind.KEYED: "… with an `Idempotency-Key`, on top",
    kind.PAGE: "pull a page that is at hand",
    kind.FETCH: "… from the broker, on top",
    kind.PROJECT: "… and of it 6 of 12 items, 2 masked, on top",
    kind.POLL: "pull, nothing new",
    "token": "issue a token",
    kind.LOOKUP: "look up the catalogue",
    kind.COUNT: "flush the count of one pair",
    kind.SEAL: "seal the minute of one pair",
}
UNITS = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


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
        [MEANINGS[work], *(_line(costs.line(work, part)) for part in kind.PARTS)]
        for work in kind.WORKS
    ]
    idle = ["without any load, share of a core"]
    idle += [f"{costs.idle_cores.get(part, 0.0):.3f}" for part in kind.PARTS]
    return markdown_table((["µs of", *kind.PARTS], [*rows, idle]))


def _line(line: Line) -> str:
    if line == Line():
        return "–"
    if not line.record:
        return f"{line.request:,.0f}"
    return f"{line.request:,.0f} + {line.record:.2f} n"


def checks_table(costs: Costs) -> str:
    """Return predicted against measured for the points that did not go into the fit."""
    rows = [_check(verdict, "") for verdict in verdicts(costs, costs.checked)]
    rows += [_check(verdict, " (bound)") for verdict in verdicts(costs, costs.bounded)]
    heads = ["point", "part", "predicted µs/request", "measured µs/request", "error"]
    return markdown_table((heads, rows))


def _check(verdict: Verdict, mark: str) -> list[str]:
    predicted, measured = verdict.per_request
    figures = [f"{predicted:,.0f}", f"{measured:,.0f}", f"{verdict.error:+.0%}"]
    return [verdict.point.name + mark, verdict.part, *figures]


def loads_table(loads: Sequence[Load]) -> str:
    """Return what the loads ask for, a line for each field."""
    names = [field.name for field in fields(Load) if field.name != "name"]
    rows = [[f"`{name}`", *(f"{getattr(load, name):,}" for load in loads)] for name in names]
    return markdown_table((["", *(load.name for load in loads)], rows))


def site_table(site: Site) -> str:
    """Return the machines and rules of sizing, a line for each field."""
    rows = [[f"`{field.name}`", f"{getattr(site, field.name):,}"] for field in fields(Site)]
    return markdown_table((["", "value"], rows))


def plan_table(plan: Plan) -> str:
    """Return what a load needs, a line for each thing."""
    rows = [*_asked(plan), *_machines(plan), *_kept(plan), *_moved(plan)]
    limits = "".join(f"- Beyond one: {limit}.\n" for limit in plan.limits)
    return markdown_table((["", plan.load.name], rows)) + ("\n" + limits if limits else "")


def _asked(plan: Plan) -> list[list[str]]:
    load = plan.load
    return [
        ["resources, departments, clients, subscriptions", _counts(plan)],
        [
            "records published, mean and peak",
            f"{load.records_per_second:,.0f}/s, {load.peak_records_per_second:,.0f}/s",
        ],
        ["records delivered at peak", f"{load.peak_records_per_second * load.readers:,.0f}/s"],
        [
            "requests at peak: publish, pull, poll",
            ", ".join(
                f"{plan.per_second(work):,.0f}/s" for work in (kind.PUBLISH, kind.PAGE, kind.POLL)
            ),
        ],
    ]


def _counts(plan: Plan) -> str:
    load = plan.load
    each = (load.resources, load.departments, load.clients, load.subscriptions)
    return ", ".join(f"{count:,}" for count in each)


def _machines(plan: Plan) -> list[list[str]]:
    wait, without, memory = plan.waiting, plan.waiting_without_one, plan.memory
    return [
        ["gateway", _nodes(plan.gateway)],
        ["TLS in front", _nodes(plan.edge)],
        ["brokers", _nodes(plan.brokers)],
        ["database", f"{plan.database_cores:,.1f} cores busy; one primary, one standby"],
        ["worker", f"{plan.sealing_cores:,.2f} cores busy; one active, one standby"],
        [
            "wait for a gateway worker at peak, mean and p99",
            f"{_ms(wait.mean_wait_seconds)}, {_ms(wait.wait_seconds(0.99))}",
        ],
        [
            "… with one gateway node lost",
            f"{_ms(without.mean_wait_seconds)}, {_ms(without.wait_seconds(0.99))}",
        ],
        ["pages that a worker must read from a broker", f"{plan.miss_share:.0%}"],
        [
            "memory of a node: gateway (at its bound), broker",
            f"{_bytes(memory.gateway_node)} ({_bytes(memory.gateway_node_most)}), "
            + _bytes(memory.broker_node),
        ],
    ]


def _nodes(nodes: Nodes) -> str:
    return (
        f"{nodes.count} × {nodes.cores} cores; {nodes.busy_cores:,.1f} busy: "
        f"{nodes.busy_share:.0%}, {nodes.busy_share_without_one:.0%} with one lost"
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _kept(plan: Plan) -> list[list[str]]:
    disk, parts, days = plan.disk, plan.partitions, plan.load.retention_days
    return [
        [
            "partitions (of the busiest resource), replicas",
            f"{parts.total:,} ({parts.of_hottest}), {parts.replicas:,}",
        ],
        [
            f"log on disk: a day, {days:g} days of retention",
            f"{_bytes(disk.log_per_day)}, {_bytes(disk.log_kept)}",
        ],
        [
            f"audit in the database: a day, {plan.site.audit_years:g} years",
            f"{_bytes(disk.audit_per_day)}, {_bytes(disk.audit_kept)}",
        ],
        ["keys in the database, 7 days", _bytes(disk.ledger_kept)],
    ]


def _moved(plan: Plan) -> list[list[str]]:
    network, links = plan.network, plan.connections
    return [
        [
            "clients' network at peak: in, out",
            f"{_bytes(network.clients_in)}/s, {_bytes(network.clients_out)}/s",
        ],
        [
            "brokers' network at peak: in, out",
            f"{_bytes(network.brokers_in)}/s, {_bytes(network.brokers_out)}/s",
        ],
        ["connections: clients, database", f"{links.clients:,}, {links.database:,}"],
        [
            "open files of a node: gateway, broker",
            f"{links.gateway_files:,}, {links.broker_files:,}",
        ],
    ]


def _bytes(amount: float) -> str:
    for size, unit in UNITS:
        if amount >= size:
            return f"{amount / size:,.3g} {unit}"
    return f"{amount:.0f} B"


def blocks(costs: Costs) -> Mapping[str, str]:
    """Return every printed part by its name."""
    worked = {name: plan_table(plan(load, costs)) for name, load in SCENARIOS.items()}
    return {
        "conditions": conditions(costs),
        "costs": costs_table(costs),
        "checks": checks_table(costs),
        "loads": loads_table(list(SCENARIOS.values())),
        "site": site_table(Site()),
        **worked,
    }


def renewed(text: str, costs: Costs) -> str:
    """Return a page with its printed parts as they are now; KeyError for an unknown one."""
    told = blocks(costs)
    return BLOCK.sub(lambda found: f"{found[1]}{told[found[2]]}{found[3]}", text)


def write(costs: Costs, path: Path = PAGE) -> None:
    path.write_text(renewed(path.read_text(encoding="utf-8"), costs), encoding="utf-8")
