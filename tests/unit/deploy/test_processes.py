"""A process may end by itself while it is being stopped (I21)."""

import os
import signal
import sys
from pathlib import Path

import pytest

from deploy.local.processes import Command, Service

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


def test_what_ends_between_the_look_and_the_signal_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service("sleeper", tmp_path, ready=lambda: True)
    service.start(Command(SLEEP), within_seconds=10)
    kill = os.kill

    def gone(pid: int, _number: int) -> None:
        kill(pid, signal.SIGKILL)
        raise ProcessLookupError

    monkeypatch.setattr(os, "kill", gone)
    service.kill(15)
    service.stop()
    monkeypatch.setattr(os, "kill", kill)
    assert service.status(None).state == "stopped"
