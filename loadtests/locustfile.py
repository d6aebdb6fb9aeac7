"""Every scenario for Locust: `make load` opens its web page, the benchmark runs it headless.

The folder that `--folder` names holds the world and its books of pages (`loadtests.stage`).
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.env import Environment

from loadtests.scenarios.base import ExchangeUser, Setting
from loadtests.scenarios.day import WorkingDay
from loadtests.scenarios.publish import PublishBatch, PublishSingle, PublishSingleKeyed
from loadtests.scenarios.pull import CatchUp, PullMasked, PullTail
from loadtests.scenarios.revocation import Revoked, RevokedWaiting, Revoker
from loadtests.scenarios.storm import Storm
from loadtests.scenarios.waiting import LongPoll, Ticker

__all__ = [
    "CatchUp",
    "LongPoll",
    "PublishBatch",
    "PublishSingle",
    "PublishSingleKeyed",
    "PullMasked",
    "PullTail",
    "Revoked",
    "RevokedWaiting",
    "Revoker",
    "Storm",
    "Ticker",
    "WorkingDay",
]


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--warm-up", type=float, default=2.0)
    parser.add_argument("--window", type=float, default=0.0)


def prepare(environment: Environment, **_more: Any) -> None:  # noqa: ANN401 - as Locust calls it
    assert environment.parsed_options is not None  # noqa: S101 - narrows the type
    ExchangeUser.setting = Setting.load(environment.parsed_options.folder)


def measure(environment: Environment, **_more: Any) -> None:  # noqa: ANN401 - as Locust calls it
    """Measure one window after the warm-up, then let every user end its turn and tell all."""
    assert environment.parsed_options is not None  # noqa: S101 - narrows the type
    options = environment.parsed_options
    if options.window:
        gevent.spawn(_measure, environment, options.warm_up, options.window)


def _measure(environment: Environment, warm_up: float, window: float) -> None:
    assert environment.runner is not None  # noqa: S101 - narrows the type
    tally = ExchangeUser.setting.tally
    gevent.sleep(warm_up)
    environment.runner.stats.reset_all()
    tally.open_window()
    gevent.sleep(window)
    tally.close_window()
    environment.runner.stop()
    tally.tell_all()
    environment.runner.quit()


events.init_command_line_parser.add_listener(add_options)  # type: ignore[no-untyped-call]
events.init.add_listener(prepare)  # type: ignore[no-untyped-call]
events.test_start.add_listener(measure)  # type: ignore[no-untyped-call]
