"""Every scenario for Locust: `make load` opens its web page, the benchmark runs it headless.

The folder that `--folder` names holds the world and its books of pages (`loadtests.stage`).
"""

import logging
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.env import Environment
from locust.runners import Runner
from locust.util.load_locustfile import is_user_class

from loadtests.scenarios import plain, revocation, waiting
from loadtests.scenarios.base import ExchangeUser, Setting
from loadtests.tally import BEGIN, DONE, END, tell

# Locust runs the classes that it finds in this file.
globals().update(plain.USERS)
for scenarios in (plain, waiting, revocation):
    globals().update({name: each for name, each in vars(scenarios).items() if is_user_class(each)})

BEGINNING_SECONDS, LOOK_SECONDS = 30.0, 0.05


def add_options(parser: ArgumentParser) -> None:
    """Texts and numbers only: Locust's page shows all options as JSON."""
    parser.add_argument("--folder", required=True, include_in_web_ui=False)
    parser.add_argument("--warm-up", type=float, default=2.0, include_in_web_ui=False)
    parser.add_argument("--window", type=float, default=0.0, include_in_web_ui=False)


def prepare(environment: Environment, **_more: Any) -> None:  # noqa: ANN401 - as Locust calls it
    """Load the world; with a window the run is one of the benchmark's."""
    options = environment.parsed_options
    assert options is not None  # noqa: S101 - narrows the type
    logging.getLogger("httpx").setLevel(logging.WARNING)
    ExchangeUser.setting = Setting.load(Path(options.folder))
    ExchangeUser.ready.set()
    if options.window:
        events.test_start.add_listener(measure)  # type: ignore[no-untyped-call]


def measure(environment: Environment, **_more: Any) -> None:  # noqa: ANN401 - as Locust calls it
    """Measure one window after the warm-up, then let every user end its turn and tell all."""
    assert environment.runner is not None  # noqa: S101 - narrows the type
    gevent.spawn(_measure, environment.runner, environment.parsed_options)


def _measure(runner: Runner, options: Any) -> None:  # noqa: ANN401 - as Locust has parsed them
    setting, tally = ExchangeUser.setting, ExchangeUser.setting.tally
    with gevent.Timeout(BEGINNING_SECONDS, exception=False):
        while len(setting.begun) < (options.num_users or 1):
            gevent.sleep(LOOK_SECONDS)
    gevent.sleep(options.warm_up)
    runner.stats.reset_all()
    tally.open_window()
    tell(BEGIN)
    gevent.sleep(options.window)
    tell(END, tally.close_window())
    runner.stop()
    tell(DONE, tally.total())
    runner.quit()


events.init_command_line_parser.add_listener(add_options)  # type: ignore[no-untyped-call]
events.init.add_listener(prepare)  # type: ignore[no-untyped-call]
