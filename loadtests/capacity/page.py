"""The parts of docs/capacity.md that are printed from the kept costs."""

import re
from collections.abc import Mapping
from pathlib import Path

from loadtests.capacity import tables
from loadtests.capacity.costs import Costs
from loadtests.capacity.load import Site
from loadtests.capacity.model import plan
from loadtests.capacity.scenarios import SCENARIOS

PAGE = Path(__file__).parents[2] / "docs" / "capacity.md"
BLOCK = re.compile(r"(<!-- capacity: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def blocks(costs: Costs) -> Mapping[str, str]:
    """Return every printed part by its name."""
    worked = {name: tables.plan_table(plan(load, costs)) for name, load in SCENARIOS.items()}
    return {
        "conditions": tables.conditions(costs),
        "costs": tables.costs_table(costs),
        "checks": tables.checks_table(costs),
        "loads": tables.loads_table(list(SCENARIOS.values())),
        "site": tables.site_table(Site()),
        **worked,
    }


def renewed(text: str, costs: Costs) -> str:
    """Return a page with its printed parts as they are now; KeyError for an unknown one."""
    told = blocks(costs)
    return BLOCK.sub(lambda found: f"{found[1]}{told[found[2]]}{found[3]}", text)


def write(costs: Costs, path: Path = PAGE) -> None:
    path.write_text(renewed(path.read_text(encoding="utf-8"), costs), encoding="utf-8")
