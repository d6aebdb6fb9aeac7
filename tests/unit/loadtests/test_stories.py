"""How the stories judge what they see; in a process of their own, since Locust patches sockets."""

import subprocess
import sys

LATE = """
import time
from types import SimpleNamespace
from loadtests.scenarios.revocation import RevokedWaiting, Suspension
from loadtests.tally import Tally

def judged(late, lag):
    tally = Tally()
    user = SimpleNamespace(
        subscription="s", closed={"s": Suspension(time.monotonic() - late)},
        setting=SimpleNamespace(tally=tally), metronome=SimpleNamespace(lag_seconds=lambda: lag),
    )
    RevokedWaiting.note_late(user, "long_poll_ended_after_ms")
    print(tally.whole.failures, round(tally.facts["long_poll_ended_after_ms"]) // 10)
judged(1.02, 0.0)
judged(1.02, 0.03)
judged(1.50, 0.03)
"""
BYSTANDER = """
from collections import deque
from contextlib import contextmanager
from types import SimpleNamespace
from locust.exception import RescheduleTask
from loadtests.scenarios.base import Setting
from loadtests.scenarios.waiting import Bystander
from loadtests.tally import Tally

RECEIPT = b'{"resource_id": "r", "accepted": 1, "positions": []}'
def answered(*statuses):
    tally, answers = Tally(), deque(statuses)
    @contextmanager
    def request(*_asked, **_more):
        status = answers.popleft()
        headers = {} if status == 201 else {"Retry-After": "0.01"}
        yield SimpleNamespace(status_code=status, headers=headers, content=RECEIPT,
                              success=lambda: None)
    user = object.__new__(Bystander)
    user.number = user.turn = 0
    user.environment = SimpleNamespace(stats=SimpleNamespace(log_error=lambda *_told: None))
    user.client, user.due = SimpleNamespace(request=request), 0.0
    signed = SimpleNamespace(token=lambda: "t")
    Bystander.setting = SimpleNamespace(
        tally=tally, singles=[b"{}"], publisher=signed, begun=set(),
        world=SimpleNamespace(feeds=["r"]))
    try:
        user.publish_one()
    except RescheduleTask:
        pass
    print(tally.whole.failures, tally.whole.refused, tally.whole.records, len(answers))
answered(503, 503, 201)
answered(429, 201)
"""


def told(code: str) -> list[str]:
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


def test_only_what_the_story_itself_was_late_by_is_forgiven() -> None:
    """A run failed by a poll that ended after 1.02 s, with two processors for ten processes."""
    assert told(LATE) == ["1 102", "0 102", "1 150"]


def test_a_bystander_comes_again_after_a_503_and_never_accepts_a_429() -> None:
    """A worker short of processors said 503 in order, and the storm was called failed."""
    assert told(BYSTANDER) == ["0 2 1 0", "1 0 0 1"]
