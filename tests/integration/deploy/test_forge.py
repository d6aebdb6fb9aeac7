"""Programs that a forge starts are processes like any other (tests/support/forge.py)."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support import forge


def start(log: Path, *words: str, **settings: str) -> forge.Forged:
    environment = {"PATH": os.environ["PATH"], **settings}
    with log.open("ab") as output:
        return forge.start(words, environment, output.fileno())


def test_a_program_has_its_own_words_environment_and_log(tmp_path: Path) -> None:
    wrong, unset = tmp_path / "wrong.log", tmp_path / "unset.log"
    assert start(wrong, "exchange", "nothing").wait(60) == 2
    assert "usage: python -m exchange worker" in wrong.read_text()
    assert start(unset, "gateway", "serve", SHUYUAN_HOST="nowhere at all").wait(60) != 0
    assert "SHUYUAN_MASTER_KEY" in unset.read_text()


def test_a_signal_ends_one_program_and_not_the_forge(tmp_path: Path) -> None:
    # Nobody answers at this port, and the program asks for a while.
    place = {
        "SHUYUAN_DATABASE_URL": "postgresql://x@127.0.0.1:1/x",
        "SHUYUAN_ENVIRONMENT": "development",
    }
    one = start(tmp_path / "one.log", "exchange", "worker", **place)
    with pytest.raises(subprocess.TimeoutExpired):
        one.wait(0)
    assert one.poll() is None
    assert os.getsid(one.pid) == one.pid
    one.kill()
    assert one.wait(60) == -signal.SIGKILL == one.poll()
    assert start(tmp_path / "two.log", "exchange", "nothing").wait(60) == 2
