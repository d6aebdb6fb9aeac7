"""What the demo says: one numbered step after the other, in Chinese with English in brief."""

import time

from rich.console import Console
from rich.text import Text

PLAIN_WIDTH = 200  # a pipe has no width of its own; commands must not be cut


class Narrator:
    """Prints a line when a step is done, with the seconds it took."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=PLAIN_WIDTH)
        self._steps = 0
        self._begun = self._step_begun = time.monotonic()

    def title(self, chinese: str, english: str) -> None:
        self._print(Text())
        self._print(Text(chinese, "bold"))
        self._print(Text(english, "dim"))
        self._step_begun = time.monotonic()

    def step(self, chinese: str, english: str) -> None:
        """Tell what has just been done and proved."""
        self._steps += 1
        now = time.monotonic()
        number, seconds = f"{self._steps:2}. ✓ ", f"  {now - self._step_begun:.1f} s"
        self._print(Text.assemble((number, "green"), chinese, (seconds, "dim")))
        self._print(Text(f"      {english}", "dim"))
        self._step_begun = time.monotonic()

    def command(self, chinese: str, english: str, line: str) -> None:
        """Print a command that can be copied as it stands."""
        self._print(Text(f"# {chinese} / {english}", "dim"))
        self._print(Text(line))

    def _print(self, line: Text) -> None:
        """Print at once, also into a pipe."""
        self._console.print(line, soft_wrap=True)
        self._console.file.flush()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun
