"""`make capacity`: what a load needs, from measured costs (docs/capacity.md).

It is arithmetic alone: the two worked scenarios, or the load that the options describe.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from deploy.arguments import Parser
from deploy.capacity import costs as kept
from deploy.capacity import tables
from deploy.capacity.load import SCENARIOS, Load, Site
from deploy.capacity.model import Plan
from shuyuan_client.wording import say


def _parser() -> Parser:
    parser = Parser(
        "python -m deploy.capacity",
        "由实测成本推算给定负载所需的机器 / what a load needs, from measured costs",
    )
    parser.add_argument(
        "scenario", nargs="?", choices=SCENARIOS, help="一个算好的例子 / a worked scenario"
    )
    parser.add_argument(
        "--costs", type=Path, default=kept.KEPT, help="用于推算的成本文件 / costs to reckon with"
    )
    parser.add_argument(
        "--write-page", action="store_true", help="更新 docs/capacity.md / renew docs/capacity.md"
    )
    for struct, title in (
        (Load, say("负载", "the load")),
        (Site, say("机器和规则", "machines and rules")),
    ):
        _options(parser.add_argument_group(title), struct)
    return parser


def _options(group: argparse._ArgumentGroup, struct: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(struct):
        if field.type in (int, float):
            name = field.name.replace("_", "-")
            group.add_argument(
                f"--{name}", type=field.type, help=f"{say('缺省', 'default')} {field.default:g}"
            )


def _asked(arguments: argparse.Namespace) -> tuple[list[Load], Site]:
    """Return the loads that the options mean: changes to a scenario, or a load of their own."""
    chosen = _changes(arguments, Load)
    if arguments.scenario:
        bases = [SCENARIOS[arguments.scenario]]
    else:
        bases = [Load(name="this load")] if chosen else list(SCENARIOS.values())
    return [replace(base, **chosen) for base in bases], replace(Site(), **_changes(arguments, Site))


def _changes(arguments: argparse.Namespace, struct: type[msgspec.Struct]) -> dict[str, float]:
    names = (field.name for field in msgspec.structs.fields(struct))
    told = {name: getattr(arguments, name, None) for name in names}
    return {name: value for name, value in told.items() if value is not None}


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 unless the costs cannot be read."""
    asked = _parser().parse_args(arguments)
    try:
        costs = kept.read(asked.costs)
    except (OSError, msgspec.ValidationError) as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    if asked.write_page:
        tables.write(costs)
        return 0
    loads, site = _asked(asked)
    sys.stdout.write(tables.conditions(costs))
    for load in loads:
        sys.stdout.write("\n" + tables.plan_table(Plan(load, costs, site)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
