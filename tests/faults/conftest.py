"""A gateway beside the session's, on the same database and broker, to be frozen and killed."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.processes import Running


class Mortals:
    """One gateway with one worker; another one takes its place when a test has killed it."""

    def __init__(self, settings: dict[str, str], logs: Path) -> None:
        self._settings = settings
        self._logs = logs
        self._started = ExitStack()
        self._running: Running | None = None
        self._turns = count(1)

    def living(self) -> Running:
        """Return the gateway of the test before, if that has left it alive, or a new one."""
        if self._running is None or self._running.process.poll() is not None:
            self.close()
            log = self._logs / f"mortal-{next(self._turns)}.log"
            started = processes.gateway(processes.beside(self._settings), log)
            self._running = self._started.enter_context(started)
        return self._running

    def close(self) -> None:
        self._started.close()


@pytest.fixture(scope="session")
def mortals(platform: Running, settings: dict[str, str], logs: Path) -> Iterator[Mortals]:
    """Beside the platform, which is ready before anything of it is killed."""
    assert platform.base_url
    begun = Mortals(settings, logs)
    yield begun
    begun.close()


@pytest.fixture
def mortal(mortals: Mortals) -> Running:
    return mortals.living()
