"""`python -m loadtests.soak [--quick] [--only ROW …] [--minutes N]`: memory, scale, neighbours.

The platform of a soak and its thousands of resources and subscriptions are kept for the next one.
Any failed request, or an aim that was missed, makes the program end with 1.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.arguments import Parser
from deploy.local.report import Report
from deploy.local.wording import say
from loadtests import results as outcomes
from loadtests.arena import Arena, guarded, kept_arena, machine
from loadtests.processes import others_share
from loadtests.soak import crowding, lasting, population, scaling, scene
from loadtests.soak.population import Scale
from loadtests.soak.scene import Effort, Found, Scene, Soaked

LOOK_SECONDS = 1.0
ROWS: Mapping[str, Callable[[Scene], Found]] = {
    "subscriptions": scaling.subscriptions,
    "resources": scaling.resources,
    "polls": crowding.polls,
    "neighbours": crowding.neighbours,
    "log": scaling.long_log,
    "flood": lasting.flood,
    "memory": lasting.memory,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rows are run, at which scale and with how much patience."""

    scale: Scale
    effort: Effort
    rows: Sequence[str]
    quick: bool


def run(arena: Arena, plan: Plan, folder: Path, told: Report, others: float = 0.0) -> Soaked:
    """Seed what is missing, run the rows, write the results; raises RunFailed."""
    started = datetime.now(UTC)
    with told.step(say("登记资源和授权", "registering resources and subscriptions")):
        people = population.populate(arena, plan.scale, told.line)
    setting = Scene(arena, people, plan.effort, told)
    with told.step(say("填充日志", "filling the logs")):
        scaling.fill(setting)
    found = Found()
    for name in plan.rows:
        with told.step(say(f"长稳测试：{name}", f"soak: {name}")):
            found.add(ROWS[name](setting))
    soaked = Soaked(
        **outcomes.about(machine(arena), started, others),
        cases=found.cases,
        indicative=plan.quick,
        rounds=plan.effort.rounds,
        findings=found.findings,
        curves=found.curves,
    )
    soaked.write(folder)
    return soaked


def _plan(arguments: Sequence[str]) -> Plan:
    parser = Parser("python -m loadtests.soak", "浸泡试验 / the soak")
    parser.add_argument(
        "--quick", action="store_true", help="小规模，几分钟 / small numbers, a few minutes"
    )
    parser.add_argument("--only", nargs="+", choices=list(ROWS), help="要做的项目 / rows to run")
    parser.add_argument(
        "--minutes",
        type=float,
        help="观察内存的分钟数，缺省 20 / how long memory is watched, 20 by default",
    )
    parser.add_argument(
        "--rounds", type=int, help="每对试验重复的次数 / how often each pair of runs is repeated"
    )
    chosen = parser.parse_args(arguments)
    effort = scene.QUICK if chosen.quick else scene.FULL
    scale = population.QUICK if chosen.quick else population.FULL
    if chosen.only == ["neighbours"] and not chosen.quick:
        scale, effort = population.CROWD, replace(effort, log_records=scene.QUICK.log_records)
    minutes, rounds = chosen.minutes or effort.memory_minutes, chosen.rounds or effort.rounds
    return Plan(
        scale,
        replace(effort, memory_minutes=minutes, rounds=rounds),
        chosen.only or list(ROWS),
        chosen.quick,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when nothing failed and every aim was reached."""
    plan = _plan(sys.argv[1:] if arguments is None else arguments)
    return guarded(lambda: _run(plan))


def _run(plan: Plan) -> int:
    others, told = others_share(LOOK_SECONDS), Report()
    name = f"soak-{plan.scale.subscriptions}"
    with kept_arena("soak" if plan.scale == population.FULL else name, told) as arena:
        soaked = run(arena, plan, outcomes.FOLDER, told, others)
    sys.stdout.write(soaked.told())
    return 0 if soaked.good else 1


if __name__ == "__main__":
    sys.exit(main())
