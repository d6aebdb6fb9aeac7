"""Results of a run that somebody starts on Locust's page: measured from its start to its stop."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, Runner

from exchange.log.topics import topic_of
from loadtests import report as reports
from loadtests import results as outcomes
from loadtests import world
from loadtests.arena import read_told
from loadtests.machines import Master
from loadtests.measuring import LOCUST, SHUYUAN, Label, judged, read_back
from loadtests.processes import Sample, between, others_share, sample
from loadtests.results import Results
from loadtests.runs import GENERATOR, Observed, Total, Window
from loadtests.scenarios.base import ExchangeUser
from loadtests.stage import Stage
from loadtests.tally import Run, Tally

MIXED = "mixed"


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
        self._started, self._begun = datetime.now(UTC), time.monotonic()
        self._busy = others_share(0.1)
        ExchangeUser.setting = replace(ExchangeUser.setting, tally=Tally())
        self._before = sample(self._families)
        ExchangeUser.setting.tally.open_window()

    def end(self, **_more: Any) -> None:  # noqa: ANN401 - as Locust calls it
        self._window = msgspec.convert(ExchangeUser.setting.tally.close_window(), Window)
        self._after: Sample = sample(self._families)

    def _seen(self) -> tuple[Window, Total]:
        total = ExchangeUser.setting.tally.total()
        return self._window, msgspec.convert(total, Total, strict=False)

    def write(self, environment: Environment, **_more: Any) -> None:  # noqa: ANN401
        """Read the log back and write the results once every user has ended."""
        assert environment.runner is not None  # noqa: S101 - narrows the type
        counts: dict[str, int] = environment.runner.final_user_classes_count
        window, total = self._machines.gather() if self._machines else self._seen()
        acknowledged = {topic_of(each): runs for each, runs in total.acknowledged.items()}
        found = read_back(self._stage, acknowledged, _starts(acknowledged), delete=False)
        label = Label(
            _name(environment, counts), SHUYUAN, LOCUST, sum(counts.values()),
            self._told.arena.workers,
        )  # fmt: skip
        seen = Observed(window, total, between(self._before, self._after))
        results = Results(
            started_at=self._started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - self._begun, 1),
            machine=self._told.machine,
            cases=[judged(label, seen, found)],
            indicative=True,
            others_share=round(self._busy, 3),
            rounds=1,
        )
        outcomes.write(results, self._results)
        reports.write(results, self._results)


def _starts(acknowledged: dict[str, list[Run]]) -> dict[str, int]:
    return {topic: min(first for _, first, _ in runs) for topic, runs in acknowledged.items()}


def _name(environment: Environment, counts: dict[str, int]) -> str:
    """Return the case of the users that ran, `mixed` where there were several."""
    classes = [each for each in environment.user_classes if counts.get(each.__name__)]
    names = {each.case for each in classes if issubclass(each, ExchangeUser)}
    return names.pop() if len(names) == 1 else MIXED
