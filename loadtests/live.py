"""Results of a run that somebody starts on Locust's page: measured from its start to its stop.

With several load machines Locust's master asks every worker for its tally when a run ends: what the
exchange acknowledged, which is then compared with the log, only the workers know.
"""

import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust import events
from locust.env import Environment
from locust.runners import STATE_STOPPED, MasterRunner, Runner, WorkerRunner

from loadtests import report as reports
from loadtests import results as outcomes
from loadtests import world
from loadtests.arena import read_told
from loadtests.cases import acknowledged, read_back
from loadtests.processes import Sample, between, others_share, sample
from loadtests.results import Label, Results, judged
from loadtests.runs import GENERATOR, Observed
from loadtests.scenarios.base import ExchangeUser
from loadtests.stage import Stage
from loadtests.tally import STEPS_PER_SECOND, Tally, Told, Total, Window, merged
from loadtests.targets import LOCUST, SHUYUAN

MIXED = "mixed"
ASK, TOLD = "tell-tally", "told-tally"
PATIENCE_SECONDS, LOOK_SECONDS = 90.0, 0.1


def _begin_anew() -> None:
    ExchangeUser.setting = replace(ExchangeUser.setting, tally=Tally())
    ExchangeUser.setting.tally.open_window()


class Live:
    """Listens to one Locust process and writes latest.json after every run."""

    def __init__(self, folder: Path, results: Path) -> None:
        self._told = read_told(folder)
        self._stage = Stage(self._told.arena, world.read(folder / world.FILE))
        self._results = results
        self._families = {**self._told.arena.families, GENERATOR: os.getpid()}

    def listen(self, runner: Runner) -> None:
        """Take part in every run; a master's users run on other machines."""
        self._machines = Master(runner) if isinstance(runner, MasterRunner) else None
        events.test_start.add_listener(self.begin)  # type: ignore[no-untyped-call]
        events.test_stopping.add_listener(self.end)  # type: ignore[no-untyped-call]
        events.test_stop.add_listener(self.write)  # type: ignore[no-untyped-call]

    def begin(self, **_more: Any) -> None:  # noqa: ANN401 - as Locust calls it
        self._started = datetime.now(UTC)
        self._busy = others_share(0.1)
        self._before = sample(self._families)
        _begin_anew()

    def end(self, **_more: Any) -> None:  # noqa: ANN401 - as Locust calls it
        self._window = ExchangeUser.setting.tally.close_window()
        self._after: Sample = sample(self._families)

    def _seen(self) -> tuple[Window, Total]:
        if self._machines:
            return self._machines.gather()
        return self._window, ExchangeUser.setting.tally.total()

    def write(self, environment: Environment, **_more: Any) -> None:  # noqa: ANN401
        """Read the log back and write the results once every user has ended."""
        assert environment.runner is not None  # noqa: S101 - narrows the type
        counts: dict[str, int] = environment.runner.final_user_classes_count
        window, total = self._seen()
        runs = acknowledged(total)
        starts = {topic: min(first for _, first, _ in each) for topic, each in runs.items()}
        found = read_back(self._stage, runs, starts, delete=False)
        name, users = _name(environment, counts), sum(counts.values())
        label = Label(name, SHUYUAN, LOCUST, users, self._told.arena.workers)
        seen = Observed(window, total, between(self._before, self._after))
        results = Results(
            **outcomes.about(self._told.machine, self._started, self._busy),
            cases=[judged(label, seen, found)],
            indicative=True,
            rounds=1,
        )
        outcomes.write(results, self._results)
        reports.write(results, self._results)


def _name(environment: Environment, counts: dict[str, int]) -> str:
    """Return the case of the users that ran, `mixed` where there were several."""
    classes = [each for each in environment.user_classes if counts.get(each.__name__)]
    names = {each.case for each in classes if issubclass(each, ExchangeUser)}
    return names.pop() if len(names) == 1 else MIXED


class Worker:
    """Measures in a worker of Locust's, and tells the master when it asks."""

    def __init__(self, runner: WorkerRunner) -> None:
        self._runner = runner
        runner.register_message(ASK, self.tell, concurrent=True)
        events.test_start.add_listener(self.begin)  # type: ignore[no-untyped-call]

    def begin(self, **_more: Any) -> None:  # noqa: ANN401 - as Locust calls it
        if ExchangeUser.ready.is_set():  # a setting that is still to come brings a new tally
            _begin_anew()

    def tell(self, environment: Environment, **_more: Any) -> None:  # noqa: ANN401
        """Let every user get its last answer, then tell; the master may end without a stop."""
        del environment
        ExchangeUser.ready.wait()
        tally = ExchangeUser.setting.tally
        counts = Counter(int(each * STEPS_PER_SECOND) for each in tally.latencies)
        window = tally.close_window()
        self._runner.stop()
        with gevent.Timeout(PATIENCE_SECONDS, exception=False):
            while self._runner.state != STATE_STOPPED:
                gevent.sleep(LOOK_SECONDS)
        told = Told(window, dict(counts), tally.total())
        self._runner.send_message(TOLD, {TOLD: msgspec.json.encode(told).decode()})


class Master:
    """Gathers what the workers tell."""

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._found: dict[str, Told] = {}
        runner.register_message(TOLD, self._told)

    def gather(self) -> tuple[Window, Total]:
        """Return what all machines saw; one that keeps silent is a failure."""
        self._found.clear()
        asked = {worker.id for worker in self._runner.clients.all}
        self._runner.send_message(ASK)
        with gevent.Timeout(PATIENCE_SECONDS, exception=False):
            while asked - self._found.keys():
                gevent.sleep(LOOK_SECONDS)
        silent = sorted(asked - self._found.keys())
        return merged(list(self._found.values()), [f"{each} told nothing" for each in silent])

    def _told(self, msg: Any, **_more: Any) -> None:  # noqa: ANN401 - as Locust calls it
        self._found[msg.node_id] = msgspec.json.decode(msg.data[TOLD], type=Told)
