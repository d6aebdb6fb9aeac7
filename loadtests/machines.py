"""Several load machines: Locust's master asks every worker for its tally when a run ends.

Locust gathers its statistics by itself; what the exchange acknowledged, which is then compared with
the log, only the workers know. Latencies come as counts per tenth of a millisecond, so that the
percentiles are those of all machines together.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import gevent
import msgspec
from locust import events
from locust.env import Environment
from locust.runners import STATE_STOPPED, MasterRunner, WorkerRunner

from loadtests.merging import STEPS_PER_SECOND, Told, merged
from loadtests.runs import Total, Window
from loadtests.scenarios.base import ExchangeUser
from loadtests.tally import Tally

ASK, TOLD = "tell-tally", "told-tally"
PATIENCE_SECONDS, LOOK_SECONDS = 90.0, 0.1


class Worker:
    """Measures in a worker of Locust's, and tells the master when it asks."""

    def __init__(self, runner: WorkerRunner) -> None:
        self._runner = runner
        runner.register_message(ASK, self.tell, concurrent=True)
        events.test_start.add_listener(self.begin)  # type: ignore[no-untyped-call]

    def begin(self, **_more: Any) -> None:  # noqa: ANN401 - as Locust calls it
        if not ExchangeUser.ready.is_set():
            return  # a setting that is still to come brings a new tally
        ExchangeUser.setting = replace(ExchangeUser.setting, tally=Tally())
        ExchangeUser.setting.tally.open_window()

    def tell(self, environment: Environment, **_more: Any) -> None:  # noqa: ANN401
        """Let every user get its last answer, then tell; the master may end without a stop."""
        del environment
        ExchangeUser.ready.wait()
        tally = ExchangeUser.setting.tally
        counts = Counter(int(each * STEPS_PER_SECOND) for each in tally.window.latencies)
        window = tally.close_window()
        self._runner.stop()
        with gevent.Timeout(PATIENCE_SECONDS, exception=False):
            while self._runner.state != STATE_STOPPED:
                gevent.sleep(LOOK_SECONDS)
        told = Told(
            seconds=window["seconds"],
            requests=window["requests"],
            records=window["records"],
            latencies=dict(counts),
            total=msgspec.convert(tally.total(), Total, strict=False),
        )
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
