"""What a person at the terminal sees: a line per step with its time, a table of processes."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.local.processes import ProcessStatus
from deploy.local.wording import say

PLAIN_WIDTH = 160  # a pipe has no width of its own; log paths must not be cut
STATES = {
    "running": ("运行中", "running", "green"),
    "unready": ("未就绪", "not ready", "yellow"),
    "dead": ("已死", "dead", "red"),
    "stopped": ("未启动", "stopped", "dim"),
    "external": ("外部", "external", "cyan"),
}


class Report:
    """Progress on the terminal, or plain lines when it is none."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=PLAIN_WIDTH)
        self._begun = time.monotonic()

    def line(self, text: str) -> None:
        """Print one line with the seconds since the beginning."""
        stamp = f"{time.monotonic() - self._begun:6.1f} s  "
        self._console.print(Text.assemble((stamp, "dim"), text), soft_wrap=True)

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show that a step is under way, and how long it took when it is done."""
        begun = time.monotonic()
        if not self._console.is_terminal:
            self.line(f"… {doing}")
        with self._console.status(doing) if self._console.is_terminal else nullcontext():
            yield
        self.line(f"✓ {doing} ({time.monotonic() - begun:.1f} s)")

    def tell(self, text: str, *, wrong: bool) -> None:
        """Print one sentence; what is wrong is marked."""
        mark = ("⚠ ", "yellow") if wrong else ("· ", "dim")
        self._console.print(Text.assemble(mark, text), soft_wrap=True)

    def table(self, processes: Sequence[ProcessStatus]) -> None:
        table = Table(box=None, pad_edge=False)
        for heading in _headings():
            table.add_column(heading, overflow="fold")
        for process in processes:
            table.add_row(*_cells(process))
        self._console.print(table)


def _headings() -> Sequence[str]:
    chinese = "名称,进程,端口,状态,启动于,CPU 秒,内存 MB,日志"
    return say(chinese, "name,pid,port,state,since,cpu s,memory MB,log").split(",")


def _cells(process: ProcessStatus) -> Sequence[str | Text]:
    chinese, english, style = STATES[process.state]
    return (
        process.name,
        str(process.pid or ""),
        str(process.port or ""),
        Text(say(chinese, english), style),
        _since(process.started_at),
        "" if process.cpu_seconds is None else f"{process.cpu_seconds:.1f}",
        "" if process.memory_bytes is None else f"{process.memory_bytes / 2**20:.0f}",
        _shortest(process.log),
    )


def _since(started_at: float | None) -> str:
    if started_at is None:
        return ""
    return datetime.fromtimestamp(started_at).astimezone().strftime("%m-%d %H:%M:%S")


def _shortest(path: Path | None) -> str:
    if path is None:
        return ""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
