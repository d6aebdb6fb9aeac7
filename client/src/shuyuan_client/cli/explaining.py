"""Expected errors at the terminal: a sentence on standard error and an exit code."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from shuyuan_client.failures import EXIT_FAILED, EXIT_INTERRUPTED, Failure
from shuyuan_client.wording import say


def note(chinese: str, english: str) -> None:
    """Tell on standard error, which leaves the other to what was asked for."""
    typer.echo(say(chinese, english), err=True)


@contextmanager
def explained() -> Iterator[None]:
    """Turn expected errors of a command into a sentence and an exit code."""
    try:
        yield
    except KeyboardInterrupt:
        _end(
            Failure(
                "已中断；重复同一命令即可继续。",
                "Interrupted; repeat the same command to go on.",
            ),
            EXIT_INTERRUPTED,
        )
    except BrokenPipeError:
        # The reader of our output has left; Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(EXIT_FAILED) from None
    except Failure as failure:
        _end(failure, failure.exit_code)


def _end(failure: Failure, exit_code: int) -> None:
    typer.echo(f"✗ {failure}", err=True)
    raise typer.Exit(exit_code) from None
