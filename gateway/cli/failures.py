"""What can be expected to go wrong at the terminal: one sentence with its remedy, no traceback."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import typer

from gateway.cli.wording import say
from kernel.errors import ShuyuanError

EXIT_FAILED = 1
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130
REASONS: Mapping[type[OSError], str] = {
    FileNotFoundError: "文件不存在",
    IsADirectoryError: "是一个目录",
    PermissionError: "没有权限",
}


class Failure(Exception):
    """Ends the command with `exit_code` after saying the sentence in the user's language."""

    exit_code = EXIT_FAILED

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(chinese, english)
        self.sentence = say(chinese, english)

    def __str__(self) -> str:
        return self.sentence


class Unreachable(Failure):
    """The exchange or its database did not answer, or not in time."""

    exit_code = EXIT_UNREACHABLE


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
    except ShuyuanError as error:
        _end(Failure(error.detail.zh, error.detail.en), EXIT_FAILED)


def unusable_file(name: str, error: OSError) -> Failure:
    english = error.strerror or str(error)
    chinese = REASONS.get(type(error), english)
    return Failure(
        f"无法读写 {name}：{chinese}；请检查路径与权限。",
        f"Cannot read or write {name}: {english}; check path and rights.",
    )


def _end(failure: Failure, exit_code: int) -> None:
    typer.echo(f"✗ {failure}", err=True)
    raise typer.Exit(exit_code) from None
