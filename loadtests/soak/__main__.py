"""`python -m loadtests.soak [--quick] [--only ROW …] [--minutes N]`: memory, scale, neighbours.

The platform of a soak and its thousands of resources and subscriptions are kept for the next one.
Any failed request, or an aim that was missed, makes the program end with 1.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.report import Report
from deploy.local.wording import LocalError, say
from loadtests import results as outcomes
from loadtests.arena import machine
from loadtests.processes import others_share
from loadtests.runs import RunFailed
from loadtests.soak import (
    filling,
    flood,
    long_log,
    memory,
    neighbours,
    polls,
    report,
    resources,
    scene,
    subscriptions,
)
from loadtests.soak import population as populations
from loadtests.soak.findings import Found
from loadtests.soak.ground import Ground, kept
from loadtests.soak.population import Scale
from loadtests.soak.report import Soaked
from loadtests.soak.scene import Effort, Scene
from shuyuan_client.failures import EXIT_INTERRUPTED, Failure

LOOK_SECONDS = 1.0

Row = Callable[[Scene], Found]
ROWS: Mapping[str, Row] = {
    "subscriptions": subscriptions.run,
    "resources": resources.run,
    "polls": polls.run,
    "neighbours": neighbours.run,
    "log": long_log.run,
    "flood": flood.run,
    "memory": memory.run,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rows are run, at which scale and with how much patience."""

    scale: Scale
    effort: Effort
    rows: Sequence[str]
    quick: bool


def run(ground: Ground, plan: Plan, folder: Path, told: Report, others: float = 0.0) -> Soaked:
    """Seed what is missing, run the rows, write the results; raises RunFailed."""
    started, begun = datetime.now(UTC), time.monotonic()
    setting = _prepared(ground, plan, told)
    found = Found()
    for name in plan.rows:
        with told.step(say(f"长稳测试：{name}", f"soak: {name}")):
            found.add(ROWS[name](setting))
    soaked = Soaked(
        started_at=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 1),
        machine=machine(ground.arena),
        cases=found.cases,
        indicative=plan.quick,
        others_share=round(others, 3),
        rounds=plan.effort.rounds,
        findings=found.findings,
        curves=found.curves,
    )
    report.write(soaked, folder)
    return soaked


def _prepared(ground: Ground, plan: Plan, told: Report) -> Scene:
    with told.step(say("登记资源和授权", "registering resources and subscriptions")):
        people = populations.populate(ground.arena, plan.scale, told.line)
    setting = Scene(ground, people, plan.scale, plan.effort, told)
    with told.step(say("填充日志", "filling the logs")):
        filling.fill(setting)
    return setting


def _plan(arguments: Sequence[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m loadtests.soak")
    parser.add_argument("--quick", action="store_true", help="small numbers, under two minutes")
    parser.add_argument("--only", nargs="+", choices=list(ROWS), help="rows to run")
    parser.add_argument("--minutes", type=float, help="how long memory is watched, 20 by default")
    parser.add_argument("--rounds", type=int, help="how often each pair of runs is repeated")
    chosen = parser.parse_args(arguments)
    effort = scene.QUICK if chosen.quick else scene.FULL
    return Plan(
        populations.QUICK if chosen.quick else populations.FULL,
        replace(
            effort,
            memory_minutes=chosen.minutes or effort.memory_minutes,
            rounds=chosen.rounds or effort.rounds,
        ),
        chosen.only or list(ROWS),
        chosen.quick,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when nothing failed and every aim was reached."""
    plan = _plan(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        others, told = others_share(LOOK_SECONDS), Report()
        with kept("soak-quick" if plan.quick else "soak", told) as ground:
            soaked = run(ground, plan, outcomes.FOLDER, told, others)
    except (LocalError, RunFailed, Failure) as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    sys.stdout.write(report.markdown(soaked))
    return 0 if soaked.good else 1


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
