"""`make capacity ARGS=--fit` or `--check`: what the benchmark's rows say of the kept costs.

Fitted are the costs that explain the rows best, by least squares of relative errors, no cost below
nought: a request costs `a`, a record in it `b`, and the rows say how much processor time many of
them took together. Checked are the kept costs, against what such rows took.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from deploy.arguments import Parser
from deploy.capacity import costs as kind
from deploy.capacity import tables
from deploy.capacity.checking import worst
from deploy.capacity.costs import FETCH, KEYED, PAGE, POLL, PROJECT, PUBLISH, Costs, Line, Point
from loadtests import records
from loadtests.arena import guarded
from loadtests.results import FOLDER, Case, Results
from loadtests.targets import Measured

# Single records of many callers meet in one resource and are merged: a cost of its own, which only
# tells what the key adds to it.
CROWDED = "crowded"
# What one request of each row is. Those that are checked must not be fitted.
FITTED: Mapping[str, Sequence[str]] = {
    "publish-1-alone": (PUBLISH,),
    "publish-500": (PUBLISH,),
    "publish-1": (CROWDED,),
    "publish-1-keyed": (CROWDED, KEYED),
    "pull-100-tail": (PAGE,),
    "pull-500-tail": (PAGE,),
    "pull-500": (PAGE, FETCH),
    "pull-catch-up": (PAGE, FETCH),
    "pull-500-masked": (PAGE, FETCH, PROJECT),
    "pull-nothing": (POLL,),
}
CHECKED: Mapping[str, Sequence[str]] = {
    "publish-100": (PUBLISH,),
    "pull-500-masked-quota": (PAGE, FETCH, PROJECT),
    "pull-500-masked-tail": (PAGE,),
}
SHAPE = (len(records.NARROW), len(records.MASKS))
# A part that used less of a core than this has an error not far from the clock's own tick.
LEAST_CORES = 0.02
LATEST = FOLDER / "latest.json"
# Beyond this the model is wrong about the gateway, whatever else ran on the machine.
ERROR_MOST = 0.35

Floats = NDArray[np.float64]
Column = tuple[str, bool]


def points(results: Results, rows: Mapping[str, Sequence[str]]) -> list[Point]:
    """Return the rows of a benchmark as known work, those that it measured."""
    measured = Measured(results.cases)
    found = ((measured.own(name), works) for name, works in rows.items())
    return [_point(case, works) for case, works in found if case]


def _point(case: Case, works: Sequence[str]) -> Point:
    requests = round(case.requests_per_second * case.seconds)
    answered = round(case.records_per_second * case.seconds)
    return Point(
        name=case.name,
        seconds=case.seconds,
        done={work: (requests, answered if work in kind.WITH_RECORDS else 0) for work in works},
        cpu_seconds={part: case.cpu_seconds.get(part, 0.0) for part in kind.PARTS},
        others_cores=round(case.others_cpu_seconds / case.seconds, 2),
        shape=SHAPE if PROJECT in works else None,
    )


def refitted(costs: Costs, results: Results) -> Costs:
    """Return the costs with those that the rows of a benchmark tell; the others stay.

    Raises ValueError where a row is missing that the fit needs.
    """
    fitted = points(results, FITTED)
    if missing := FITTED.keys() - {point.name for point in fitted}:
        raise ValueError(f"the benchmark lacks {', '.join(sorted(missing))}")
    found = fit(fitted, {part: costs.idle(part) for part in kind.PARTS})
    found.pop(CROWDED)
    case = Measured(results.cases).own("publish-500")
    held = case.memory_bytes if case else {}
    return replace(
        costs,
        measured_at=results.started_at,
        rounds=results.rounds,
        machine=results.machine,
        work={**costs.work, **found},
        memory_bytes={
            part: held.get(part, 0) // costs.processes(part) or costs.memory_bytes[part]
            for part in kind.PARTS
        },
        fitted=fitted,
        checked=points(results, CHECKED),
        bounded=[],
    )


def fit(points: Sequence[Point], idle_cores: Mapping[str, float]) -> dict[str, dict[str, Line]]:
    """Return the cost of each work on each part; `idle_cores` are of all processes of a part."""
    by_part = {part: _part(points, part, idle_cores.get(part, 0.0)) for part in kind.PARTS}
    return {
        work: {part: line for part in kind.PARTS if (line := by_part[part][work]) != Line()}
        for work in _works(points)
    }


def _works(points: Sequence[Point]) -> Iterable[str]:
    return dict.fromkeys(work for point in points for work in point.done)


def _part(points: Sequence[Point], part: str, idle: float) -> dict[str, Line]:
    columns: list[Column] = [(work, False) for work in _works(points) if work != PROJECT]
    columns += [(work, True) for work in _works(points) if work in kind.WITH_RECORDS]
    done = np.array([[point.done.get(w, (0, 0))[r] for w, r in columns] for point in points], float)
    spent = np.array(
        [max(0.0, p.cpu_seconds.get(part, 0.0) - idle * p.seconds) * 1e6 for p in points]
    )
    weights = 1 / np.maximum(spent, [point.seconds * LEAST_CORES * 1e6 for point in points])
    found = non_negative(done * weights[:, None], spent * weights)
    each: dict[Column, float] = dict(zip(columns, map(float, found), strict=True))
    return {
        work: Line(round(each.get((work, False), 0.0), 3), round(each.get((work, True), 0.0), 4))
        for work in _works(points)
    }


def non_negative(matrix: Floats, wanted: Floats) -> Floats:
    """Return the least squares of `matrix @ x - wanted`; what would fall below nought is nought."""
    scale = np.maximum(np.linalg.norm(matrix, axis=0), 1e-12)
    kept, solution = list(range(matrix.shape[1])), np.zeros(matrix.shape[1])
    while kept:
        found = np.linalg.lstsq(matrix[:, kept] / scale[kept], wanted, rcond=None)[0]
        if found.min() >= 0:
            solution[kept] = found / scale[kept]
            break
        kept.pop(int(found.argmin()))
    return solution


ACTS: Final = {
    "fit": "保存由压测结果得出的成本，缺省用最近一次 / keep the costs told by a benchmark's rows",
    "check": "以压测结果核对已保存的成本 / hold the kept costs against a benchmark's rows",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 unless the gateway took something else than the kept costs foretell."""
    parser = Parser(
        "python -m loadtests.fitting",
        "由压测结果得出或核对成本 / costs, kept or held against what a benchmark measured",
    )
    parser.add_argument(
        "--costs", type=Path, default=kind.KEPT, help="已保存的成本文件 / kept costs"
    )
    acts = parser.add_mutually_exclusive_group(required=True)
    for act, told in ACTS.items():
        acts.add_argument(f"--{act}", type=Path, nargs="?", const=LATEST, metavar="JSON", help=told)
    asked = parser.parse_args(arguments)
    return guarded(lambda: _run(asked.costs, asked.fit, asked.check))


def _run(path: Path, fit_to: Path | None, check_by: Path | None) -> int:
    told = msgspec.json.decode((fit_to or check_by or LATEST).read_bytes(), type=Results)
    if fit_to:
        costs = refitted(kind.read(path), told)
        kind.write(costs, path)
        sys.stdout.write(tables.costs_table(costs) + "\n")
    else:
        rows = {name: of for name, of in {**FITTED, **CHECKED}.items() if CROWDED not in of}
        costs = replace(kind.read(path), checked=points(told, rows), bounded=[])
    sys.stdout.write(tables.conditions(costs) + "\n" + tables.checks_table(costs))
    return 0 if fit_to or worst(costs, kind.GATEWAY) <= ERROR_MOST else 1


if __name__ == "__main__":
    sys.exit(main())
