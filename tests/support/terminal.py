"""`shuyuan` as a real process, with the environment of the test's own platform."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.callers import ClientApp
from tests.support.processes import ROOT

COMMAND_SECONDS = 300


@dataclass(frozen=True)
class Ran:
    """What a command left behind; `lines` are those of standard output."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass(frozen=True)
class Terminal:
    """Runs commands; Chinese unless `settings` ask for English."""

    settings: Mapping[str, str]

    def arguments(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "shuyuan_client", *map(str, words)]

    def environment(self) -> dict[str, str]:
        nobody = {"XDG_STATE_HOME": str(ROOT / ".local" / "nobody-is-signed-in")}
        return {"SHUYUAN_LANG": "zh", "COLUMNS": "200", **nobody, **self.settings}

    async def run(self, *words: str | Path) -> Ran:
        ran = await asyncio.to_thread(
            subprocess.run,
            self.arguments(*words),
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    def start(self, *words: str | Path) -> subprocess.Popen[bytes]:
        """Start a command that the test will end."""
        return subprocess.Popen(
            self.arguments(*words),
            env=self.environment(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A test run in the background ignores SIGINT, and its children would inherit that.
            preexec_fn=_hear_interrupts,  # noqa: PLW1509 - this test process forks no threads here
        )

    def of(self, client: ClientApp, base_url: str) -> "Terminal":
        """Return the same terminal with a client's credentials in its environment."""
        return Terminal(
            {
                **self.settings,
                "SHUYUAN_BASE_URL": base_url,
                "SHUYUAN_CLIENT_ID": client.id,
                "SHUYUAN_CLIENT_SECRET": client.secret,
            }
        )


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
