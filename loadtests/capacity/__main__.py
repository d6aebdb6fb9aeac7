"""`python -m loadtests.capacity`: what a load needs, from measured costs (docs/capacity.md).

Without a choice it is arithmetic alone: the two worked scenarios, or the load that the options
describe. `--fit` takes the costs from the rows of a benchmark and keeps them, `--check` holds the
kept ones against such rows.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from loadtests.arena import guarded
from loadtests.capacity import costs as kept
from loadtests.capacity import fitting, tables
from loadtests.capacity.costs import GATEWAY, Costs
from loadtests.capacity.load import SCENARIOS, Load, Site
from loadtests.capacity.model import Plan
from loadtests.results import FOLDER, Results

LATEST = FOLDER / "latest.json"
# Beyond this the model is wrong about the gateway, whatever else ran on the machine.
ERROR_MOST = 0.35


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.capacity", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("scenario", nargs="?", choices=SCENARIOS, help="a worked scenario")
    parser.add_argument("--costs", type=Path, default=kept.KEPT, help="costs to reckon with")
    acts = parser.add_mutually_exclusive_group()
    for act, told in (("fit", "keep the costs told by"), ("check", "hold the kept costs against")):
        said = f"{told} the rows of a benchmark, by default the last"
        acts.add_argument(f"--{act}", type=Path, nargs="?", const=LATEST, metavar="JSON", help=said)
    acts.add_argument("--write-page", action="store_true", help="renew docs/capacity.md")
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


def _results(path: Path) -> Results:
    return msgspec.json.decode(path.read_bytes(), type=Results)


def _check(costs: Costs, results: Results) -> int:
    """Print the table; return 1 when the gateway is not as foretold."""
    rows = {**fitting.FITTED, **fitting.CHECKED}
    told = {name: works for name, works in rows.items() if fitting.CROWDED not in works}
    found = msgspec.structs.replace(costs, checked=fitting.points(results, told), bounded=[])
    sys.stdout.write(tables.conditions(costs) + "\n" + tables.checks_table(found))
    return 0 if fitting.worst(found, GATEWAY) <= ERROR_MOST else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when everything asked for was done."""
    asked = _parser().parse_args(arguments)
    return guarded(lambda: _run(asked))


def _run(asked: argparse.Namespace) -> int:
    costs = kept.read(asked.costs)
    if asked.check:
        return _check(costs, _results(asked.check))
    if asked.write_page:
        tables.write(costs)
        return 0
    if asked.fit:
        costs = fitting.refitted(costs, _results(asked.fit))
        kept.write(costs, asked.costs)
        sys.stdout.write(tables.costs_table(costs) + "\n" + tables.checks_table(costs) + "\n")
    loads, site = _asked(asked)
    sys.stdout.write(tables.conditions(costs))
    for load in loads:
        sys.stdout.write("\n" + tables.plan_table(Plan(load, costs, site)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
