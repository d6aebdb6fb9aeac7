"""`python -m tests.support.agent_ended CONFIG STEP`: an agent that kills itself at a step."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shuyuan_client.agent.capture import Capture
from shuyuan_client.agent.config import load
from shuyuan_client.agent.draining import PushJob
from shuyuan_client.agent.landing import Target
from shuyuan_client.agent.pulling import PullJob
from shuyuan_client.agent.running import run
from shuyuan_client.agent.state import State
from shuyuan_client.http import ExchangeClient

# Where it ends: before or after a call of a method.
STEPS: dict[str, tuple[type, str, bool]] = {
    "page fetched": (Target, "apply", False),
    "rows written": (Target, "apply", True),
    "cursor written": (State, "move", True),
    "page committed": (PullJob, "_land", True),
    "resync begun": (PullJob, "_begin_resync", True),
    "changes queued": (Capture, "_queue", True),
    "batch claimed": (PushJob, "_next", True),
    "batch sent": (ExchangeClient, "publish_typed", True),
    "batch noted": (State, "waiting", True),
    "batch settled": (PushJob, "_settle", True),
}


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def plant(step: str) -> None:
    """Let this process be killed at a step, once it has something under way."""
    kind, name, after = STEPS[step]
    original: Callable[..., Any] = getattr(kind, name)

    def planted(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever it takes
        if not after:
            _end()
        result = original(*arguments, **options)
        # The first position of a pull and a look at an empty queue are no step of a batch.
        if _is_under_way(step, arguments, result):
            _end()
        return result

    setattr(kind, name, planted)


def _is_under_way(step: str, arguments: tuple[Any, ...], result: object) -> bool:
    if step == "cursor written":
        return bool(arguments[1].records)
    return result is not None if step == "batch claimed" else True


if __name__ == "__main__":
    plant(sys.argv[2])
    run(load(Path(sys.argv[1])), once=True, stop=threading.Event(), say=print)
