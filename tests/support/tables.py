"""Tables of a department beside the platform: a schema of its own in the test's PostgreSQL."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from typer.testing import CliRunner

from kernel.ids import new_id
from shuyuan_client.agent.checking import check
from shuyuan_client.agent.config import load
from shuyuan_client.agent.running import Agent, run
from shuyuan_client.cli.agent import agent_app
from tests.support.callers import ClientApp
from tests.support.processes import ROOT

PATIENCE_SECONDS = 120.0
PROGRAM = "from shuyuan_client.cli.agent import agent_app; agent_app()"
CONFIG = """\
name = "{schema}"
[exchange]
base_url = "{base_url}"
client_id = "{client}"
secret = "file:{secret}"
[database]
kind = "postgresql"
host = "{host}"
port = {port}
database = "{database}"
user = "{user}"
password = "file:{password}"
tls = "off"
own_schema = "{schema}"
"""


@dataclass(frozen=True)
class Worked:
    """How a run of the agent ended, and what it said."""

    fine: bool
    said: list[str]


@dataclass
class Tables:
    """A schema, a connection to look into it, and a configuration file of an agent."""

    url: str
    folder: Path
    connection: asyncpg.Connection
    schema: str = field(default_factory=lambda: f"t_{new_id()[-12:].lower().replace('-', '_')}")

    @property
    def config(self) -> Path:
        return self.folder / "agent.toml"

    async def execute(self, sql: str) -> None:
        await self.connection.execute(sql.replace("@", f"{self.schema}."))

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        found = await self.connection.fetch(sql.replace("@", f"{self.schema}."))
        return [tuple(row) for row in found]

    def configure(self, client: ClientApp, base_url: str, job: str) -> None:
        """Write the configuration with one `[[pull]]` or `[[push]]`."""
        place = urlsplit(self.url)
        for name, value in (("secret", client.secret), ("password", place.password or "")):
            (self.folder / name).write_text(value)
        text = CONFIG.format(
            schema=self.schema, base_url=base_url, client=client.id, host=place.hostname,
            port=place.port, database=place.path.lstrip("/"), user=place.username,
            secret=self.folder / "secret", password=self.folder / "password",
        )  # fmt: skip
        self.config.write_text(f"{text}\n{job.replace('@', f'{self.schema}.')}")

    async def work(self) -> Worked:
        """Run the agent until it has caught up."""
        said: list[str] = []
        options: Mapping[str, Any] = {"once": True, "stop": threading.Event(), "say": said.append}
        fine = await asyncio.to_thread(run, load(self.config), **options)
        return Worked(fine, said)

    async def check(self) -> list[str]:
        """Return what `agent check` finds."""
        return await asyncio.to_thread(self._check)

    def _check(self) -> list[str]:
        with Agent(load(self.config)) as agent:
            return [finding.sentence for finding in check(agent)]

    async def command(self, *words: str, config: Path | None = None) -> tuple[int, str]:
        """Run `shuyuan agent` in this process; return its exit code and standard output."""
        arguments = [*words, "--config", str(config or self.config)]
        ran = await asyncio.to_thread(CliRunner().invoke, agent_app, arguments)
        return ran.exit_code, ran.stdout if ran.exit_code == 0 else ran.output

    def start(self) -> subprocess.Popen[bytes]:
        """Start an agent that the test will end; without the platform's own commands."""
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "run", "--config", str(self.config)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    async def until(self, sql: str) -> None:
        """Wait until there is a row."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self.rows(sql):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def end_at(self, *steps: str) -> None:
        """Run the agent again and again, killed at each of these steps."""
        for step in steps:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.support.agent_ended", str(self.config), step,
                cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            said, _ = await process.communicate()
            assert process.returncode == -9, (step, said.decode())


def records(numbers: Sequence[int]) -> list[dict[str, Any]]:
    return [{"id": f"r{n}", "name": f"名称 {n}", "amount": n} for n in numbers]
