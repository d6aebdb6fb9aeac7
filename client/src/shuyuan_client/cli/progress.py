"""How a transfer is going, on the terminal: records, rate, and when it will be done."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from shuyuan_client.failures import Failure
from shuyuan_client.wording import say


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        records = int(task.fields["records"])
        rate = records / task.elapsed if task.elapsed else 0.0
        return Text(
            say(f"{records:,} 条  {rate:,.0f} 条/秒", f"{records:,}  {rate:,.0f} records/s")
        )


class Meter:
    """A progress bar on standard error where that is a terminal, nothing elsewhere.

    `total` is what counts as done, in the unit of `moved`; None where no end is known.
    """

    def __init__(self, title: str, total: int | None = None) -> None:
        self._console = Console(stderr=True, highlight=False)
        known = (BarColumn(), TimeRemainingColumn()) if total else (SpinnerColumn(),)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), *known, _Rate(), console=self._console,
            transient=True, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task(title, total=total, records=0)
        self._begun = time.monotonic()
        self.records = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def moved(self, records: int, completed: int | None = None) -> None:
        """Count records; `completed` is how far the whole has come."""
        self.records += records
        self._progress.update(self._task, records=self.records, completed=completed)

    def ends_at(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def say(self, chinese: str, english: str) -> None:
        self._console.print(say(chinese, english), soft_wrap=True, markup=False)

    def waiting(self, failure: Failure, seconds: float) -> None:
        self.say(
            f"… {failure} {seconds:.0f} 秒后重试。", f"… {failure} Trying again in {seconds:.0f} s."
        )

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    @property
    def rate(self) -> float:
        """Records per second since the beginning."""
        return self.records / max(self.seconds, 1e-9)
