"""Resolves words of a shell to the command of `shuyuan` that they call."""

import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import typer

from shuyuan_client.cli.main import app


def resolved(words: Sequence[str]) -> tuple[Any, list[str]]:
    """Return the command, and the words that it gets; KeyError where there is none of the name."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def faults(words: Sequence[str]) -> list[str]:
    """Return what the command does not take of the words after `shuyuan`, or lacks."""
    try:
        command, rest = resolved(words)
    except (KeyError, IndexError):
        return [f"no such command: {' '.join(words)}"]
    try:
        command.make_context(" ".join(words), list(rest))
    except Exception as error:
        # typer brings click's exceptions along under another name.
        told = getattr(error, "format_message", None)
        if told is None:
            raise
        return [] if _lacks_a_file(told()) else [f"shuyuan {' '.join(words)}: {told()}"]
    return []


def _lacks_a_file(told: str) -> bool:
    return told.endswith("does not exist.")


def shell_faults(snippet: str) -> list[str]:
    """Return what a shell cannot read of a snippet; nothing is run."""
    shell = shutil.which("bash") or "sh"
    read = subprocess.run(
        [shell, "-n"], input=snippet, capture_output=True, text=True, check=False, timeout=60
    )
    return [] if read.returncode == 0 else [read.stderr]
