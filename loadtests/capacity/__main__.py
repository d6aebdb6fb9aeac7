"""`python -m loadtests.capacity`: what a load needs, from measured costs (docs/capacity.md).

Without a choice it is arithmetic alone: the two worked scenarios, or the load that the options
describe. `--fit` measures the costs anew and keeps them, `--check` measures the points that check
them; each on a platform of its own.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from deploy.local.report import Report
from loadtests.arena import guarded, own_arena
from loadtests.capacity import costs as kept
from loadtests.capacity import measuring, tables
from loadtests.capacity.costs import GATEWAY, Costs
from loadtests.capacity.fitting import worst
from loadtests.capacity.load import SCENARIOS, Load, Site
from loadtests.capacity.model import Plan

# Beyond this the model is wrong about the gateway, whatever else ran on the machine.
ERROR_MOST = 0.35


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.capacity", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("scenario", nargs="?", choices=SCENARIOS, help="a worked scenario")
    parser.add_argument("--costs", type=Path, default=kept.KEPT, help="costs to reckon with")
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument("--fit", action="store_true", help="measure the costs and keep them")
    acts.add_argument("--check", action="store_true", help="measure the points that check them")
    acts.add_argument("--write-page", action="store_true", help="renew docs/capacity.md")
    parser.add_argument("--short", action="store_true", help="measure in seconds, to try it")
    for struct, title in ((Load, "the load"), (Site, "machines and rules")):
        _options(parser.add_argument_group(title), struct)
    return parser


def _options(group: argparse._ArgumentGroup, struct: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(struct):
        if field.type in (int, float):
            name = field.name.replace("_", "-")
            group.add_argument(f"--{name}", type=field.type, help=f"default {field.default:g}")


def _asked(arguments: argparse.Namespace) -> tuple[list[Load], Site]:
    """Return the loads that the options mean: changes to a scenario, or a load of their own."""
    chosen = _changes(arguments, Load)
    if arguments.scenario:
        bases = [SCENARIOS[arguments.scenario]]
    else:
        bases = [Load(name="this load")] if chosen else list(SCENARIOS.values())
    site = msgspec.structs.replace(Site(), **_changes(arguments, Site))
    return [msgspec.structs.replace(base, **chosen) for base in bases], site


def _changes(arguments: argparse.Namespace, struct: type[msgspec.Struct]) -> dict[str, float]:
    names = (field.name for field in msgspec.structs.fields(struct))
    told = {name: getattr(arguments, name, None) for name in names}
    return {name: value for name, value in told.items() if value is not None}


def _fit(path: Path, *, short: bool) -> None:
    report = Report()
    with own_arena(report) as arena:
        found = measuring.measure(arena, measuring.SHORT if short else measuring.FIT, report)
    kept.write(found, path)


def _check(costs: Costs, *, short: bool) -> int:
    """Print the table; return 1 when the gateway is not as foretold, which seconds cannot tell."""
    report = Report()
    with own_arena(report) as arena:
        plan_of = measuring.SHORT if short else measuring.CHECK
        checked, bounded = measuring.check(arena, plan_of, report)
    found = msgspec.structs.replace(costs, checked=checked, bounded=bounded)
    sys.stdout.write(tables.conditions(costs) + "\n" + tables.checks_table(found))
    return 0 if short or worst(found, GATEWAY) <= ERROR_MOST else 1


def _print(costs: Costs, loads: Sequence[Load], site: Site) -> None:
    sys.stdout.write(tables.conditions(costs))
    for load in loads:
        sys.stdout.write("\n" + tables.plan_table(Plan(load, costs, site)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when everything asked for was done."""
    asked = _parser().parse_args(arguments)
    return guarded(lambda: _run(asked))


def _run(asked: argparse.Namespace) -> int:
    if asked.fit:
        _fit(asked.costs, short=asked.short)
    costs = kept.read(asked.costs)
    if asked.check:
        return _check(costs, short=asked.short)
    if asked.write_page:
        tables.write(costs)
        return 0
    if asked.fit:
        sys.stdout.write(tables.costs_table(costs) + "\n" + tables.checks_table(costs) + "\n")
    _print(costs, *_asked(asked))
    return 0


if __name__ == "__main__":
    sys.exit(main())
